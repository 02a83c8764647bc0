// Reads patterns ("p" and hexadecimal UTF-8) and lines ("l" and the same) up to "go", and answers with the nanoseconds
// of CPU per line, the least of several passes, and how many lines one of the patterns matches.

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
            if (line.equals("go")) {
                answer(patterns, lines);
                patterns.clear();
                lines.clear();
                continue;
            }
            byte[] bytes = HexFormat.of().parseHex(line.substring(1));
            if (line.charAt(0) == 'l') lines.add(bytes);
            else patterns.add(new Regex(bytes, 0, bytes.length, Option.MULTILINE, UTF8Encoding.INSTANCE, Syntax.RUBY));
        }
    }

    static void answer(List<Regex> patterns, List<byte[]> lines) {
        var threads = ManagementFactory.getThreadMXBean();
        double best = Double.MAX_VALUE;
        int matched = 0;
        long end = System.nanoTime() + 2_000_000_000L;
        for (int pass = 0; pass < 4 || System.nanoTime() < end; pass++) {
            long begin = threads.getCurrentThreadCpuTime();
            matched = 0;
            for (byte[] line : lines) if (matches(patterns, line)) matched++;
            best = Math.min(best, (double) (threads.getCurrentThreadCpuTime() - begin) / lines.size());
        }
        System.out.println(best + " " + matched);
        System.out.flush();
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
