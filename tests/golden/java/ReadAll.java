import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.serializers.KafkaAvroDeserializer;
import java.io.PrintStream;
import java.util.HexFormat;
import java.util.Map;
import java.util.Scanner;
import org.apache.avro.generic.GenericRecord;

import static java.nio.charset.StandardCharsets.UTF_8;

/** For each line of hex: what Confluent's own deserializer reads, and the id by which it finds
 *  the schema again when it asks for the schema itself. */
public class ReadAll {
  public static void main(String[] args) throws Exception {
    var registry = new CachedSchemaRegistryClient(args[0], 100);
    var out = new PrintStream(System.out, true, UTF_8);
    try (var deserializer = new KafkaAvroDeserializer(registry)) {
      deserializer.configure(Map.of("schema.registry.url", args[0]), false);
      var lines = new Scanner(System.in);
      while (lines.hasNext()) {
        var bytes = HexFormat.of().parseHex(lines.next());
        var read = (GenericRecord) deserializer.deserialize("gatehouse.events.v1", bytes);
        var schema = new AvroSchema(read.getSchema());
        var asked = new CachedSchemaRegistryClient(args[0], 100);
        var id = asked.getId(schema.name(), schema, true);
        out.println("{\"found\": " + id + ", \"reads\": " + read + "}");
      }
    }
  }
}
