from device_adapters.emergency.command import emergency

emergency(prog_name="python -m device_adapters.emergency")
