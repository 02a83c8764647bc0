// The reference: reads "flags TAB pattern TAB text" (pattern and text as hexadecimal UTF-8) line by line and answers
// with the spans of the match and of each group, "none", "error" and joni's message, or "failure".

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.HexFormat;
import org.jcodings.specific.UTF8Encoding;
import org.joni.Matcher;
import org.joni.Option;
import org.joni.Regex;
import org.joni.Region;
import org.joni.Syntax;

public class Joni {
    public static void main(String[] arguments) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in));
        var out = new PrintStream(System.out, false, "UTF-8");
        watch(Thread.currentThread());
        String pattern = null;
        String flags = null;
        Regex regex = null;
        String error = null;
        for (String line; (line = in.readLine()) != null; ) {
            String[] columns = line.split("\t", -1);
            if (!columns[1].equals(pattern) || !columns[0].equals(flags)) {
                flags = columns[0];
                pattern = columns[1];
                error = null;
                try {
                    regex = compile(flags, HexFormat.of().parseHex(pattern));
                } catch (Exception e) {
                    error = "error " + e.getMessage();
                }
            }
            out.println(error != null ? error : match(regex, HexFormat.of().parseHex(columns[2])));
        }
        out.flush();
    }

    static Regex compile(String flags, byte[] pattern) {
        int options = Option.NONE;
        if (flags.contains("m")) options |= Option.MULTILINE;
        if (flags.contains("i")) options |= Option.IGNORECASE;
        if (flags.contains("x")) options |= Option.EXTEND;
        return new Regex(pattern, 0, pattern.length, options, UTF8Encoding.INSTANCE, Syntax.RUBY);
    }

    static final long LIMIT_NANOS = 200_000_000;
    static final Object watch = new Object();
    // When the search under way began; 0 between searches.
    static long began;

    // joni backtracks without bound: a search is interrupted after a while.
    static void watch(Thread worker) {
        Thread watchdog = new Thread(() -> {
            while (true) {
                try {
                    Thread.sleep(50);
                } catch (InterruptedException never) {
                    return;
                }
                synchronized (watch) {
                    if (began != 0 && System.nanoTime() - began > LIMIT_NANOS) worker.interrupt();
                }
            }
        });
        watchdog.setDaemon(true);
        watchdog.start();
    }

    static int search(Matcher matcher, int length) throws InterruptedException {
        synchronized (watch) {
            began = System.nanoTime();
        }
        try {
            return matcher.searchInterruptible(0, length, Option.DEFAULT);
        } finally {
            synchronized (watch) {
                began = 0;
            }
            Thread.interrupted();
        }
    }

    static String match(Regex regex, byte[] text) {
        try {
            Matcher matcher = regex.matcher(text);
            if (search(matcher, text.length) < 0) return "none";
            Region region = matcher.getEagerRegion();
            var spans = new StringBuilder();
            for (int group = 0; group < region.getNumRegs(); group++) {
                if (group > 0) spans.append(' ');
                int begin = region.getBeg(group);
                spans.append(begin < 0 ? "-" : begin + "-" + region.getEnd(group));
            }
            return spans.toString();
        } catch (Exception e) {
            return "failure " + e;
        }
    }
}
