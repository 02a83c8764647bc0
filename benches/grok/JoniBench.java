// Reads patterns ("p" and hexadecimal UTF-8) and lines ("l" and the same) up to "warm", after which it warms up. To every
// "turn" it answers with the nanoseconds of CPU per line, the least of a few passes, and how many lines one of the patterns
// matches; "end" forgets patterns and lines.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jcodings.specific.UTF8Encoding;
import org.joni.Option;
import org.joni.Regex;
import org.joni.Syntax;

public class JoniBench {
    static long captured;

    public static void main(String[] arguments) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in));
        var patterns = new ArrayList<Regex>();
        var lines = new ArrayList<byte[]>();
        for (String line; (line = in.readLine()) != null; ) {
            switch (line) {
                case "warm" -> passes(patterns, lines, 2_000_000_000L);
                case "turn" -> System.out.println(passes(patterns, lines, 10_000_000L));
                case "end" -> {
                    patterns.clear();
                    lines.clear();
                }
                default -> add(line, patterns, lines);
            }
        }
    }

    static void add(String line, List<Regex> patterns, List<byte[]> lines) {
        byte[] bytes = HexFormat.of().parseHex(line.substring(1));
        if (line.charAt(0) == 'l') lines.add(bytes);
        else patterns.add(new Regex(bytes, 0, bytes.length, Option.MULTILINE, UTF8Encoding.INSTANCE, Syntax.RUBY));
    }

    static String passes(List<Regex> patterns, List<byte[]> lines, long nanoseconds) {
        var threads = ManagementFactory.getThreadMXBean();
        double best = Double.MAX_VALUE;
        int matched = 0;
        long end = System.nanoTime() + nanoseconds;
        for (int pass = 0; pass == 0 || System.nanoTime() < end; pass++) {
            long begin = threads.getCurrentThreadCpuTime();
            matched = 0;
            for (byte[] line : lines) if (matches(patterns, line)) matched++;
            best = Math.min(best, (double) (threads.getCurrentThreadCpuTime() - begin) / lines.size());
        }
        return best + " " + matched;
    }

    static boolean matches(List<Regex> patterns, byte[] line) {
        for (Regex pattern : patterns) {
            var matcher = pattern.matcher(line);
            if (matcher.search(0, line.length, Option.DEFAULT) >= 0) {
                captured += matcher.getEagerRegion().getNumRegs();
                return true;
            }
        }
        return false;
    }
}
