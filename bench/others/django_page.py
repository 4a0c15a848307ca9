"""A page of residents as Django's ORM and Django REST framework give it."""

import json
import os
from typing import Any, ClassVar

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path
from psycopg.conninfo import conninfo_to_dict

PAGE = 50
given = conninfo_to_dict(os.environ["BENCH_CONNINFO"])
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # says how long an answer is
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": given["host"],
            "PORT": given.get("port", ""),
            "USER": given["user"],
            "NAME": given["dbname"],
            "OPTIONS": {"pool": True, "options": "-c search_path=read"},
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.contrib.postgres.fields import ArrayField  # noqa: E402
from django.db import models  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Building(models.Model):
    building = models.UUIDField(primary_key=True)
    name = models.TextField()

    class Meta:
        app_label, managed, db_table = "bench", False, "residents_buildings"


class Apartment(models.Model):
    apartment = models.UUIDField(primary_key=True)
    number = models.TextField()
    name = models.TextField()

    class Meta:
        app_label, managed, db_table = "bench", False, "residents_apartments"


class Group(models.Model):
    group = models.UUIDField(primary_key=True, db_column="group_id")
    number = models.IntegerField()
    name = models.TextField()

    class Meta:
        app_label, managed, db_table = "bench", False, "residents_groups"


class Resident(models.Model):
    resident = models.UUIDField(primary_key=True)
    community = models.UUIDField()
    name = models.TextField()
    role = models.TextField()
    contact = models.TextField()
    building = models.ForeignKey(Building, models.DO_NOTHING, db_column="building")
    apartment = models.ForeignKey(Apartment, models.DO_NOTHING, db_column="apartment")
    groups = ArrayField(models.UUIDField())
    has_pin = models.BooleanField()
    cards = models.IntegerField()

    class Meta:
        app_label, managed, db_table = "bench", False, "residents"


class ContactSerializer(serializers.Serializer):
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.CharField()
    mobile = serializers.CharField()
    phones = serializers.ListField(child=serializers.CharField())
    remark = serializers.CharField()


class GroupSerializer(serializers.ModelSerializer):
    class Meta:
        model = Group
        fields = ("group", "number", "name")


class ResidentSerializer(serializers.ModelSerializer):
    name = serializers.SerializerMethodField()
    contact = ContactSerializer()
    building_name = serializers.CharField(source="building.name")
    apartment_number = serializers.CharField(source="apartment.number")
    apartment_name = serializers.CharField(source="apartment.name")
    groups = GroupSerializer(many=True)

    class Meta:
        model = Resident
        fields: ClassVar = [
            *("resident", "role", "name", "contact", "building", "building_name", "apartment"),
            *("apartment_number", "apartment_name", "groups", "has_pin", "cards"),
        ]

    def get_name(self, person: Resident) -> str:
        return f"{person.contact['first_name']} {person.contact['last_name']}"


class Page(APIView):
    def get(self, request: Request) -> Response:
        asked = request.query_params
        if "community" not in asked:
            return Response(status=422)
        after = models.Q(name=asked["name"], resident__gt=asked["resident"])
        people = list(
            Resident.objects.select_related("building", "apartment")
            .filter(community=asked["community"], name__gte=asked["name"])
            .filter(models.Q(name__gt=asked["name"]) | after)
            .order_by("name", "resident")[:PAGE]
        )
        with_groups(people)
        return Response({"items": ResidentSerializer(people, many=True).data})


def with_groups(people: list[Any]) -> None:
    ids = {group for person in people for group in person.groups}
    groups = Group.objects.in_bulk(ids) if ids else {}
    for person in people:
        person.contact = json.loads(person.contact)
        person.groups = sorted((groups[id] for id in person.groups), key=lambda g: g.number)


urlpatterns = [path("", Page.as_view())]
app = get_wsgi_application()
