//! Regular expressions in Ruby (Oniguruma) syntax, tuned for log lines and bounded on hostile ones.
