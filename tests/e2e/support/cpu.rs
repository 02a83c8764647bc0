//! What a program takes of the processors: it tells more than its speed where the machine has other work, too.

/// What a process and those that it has started have used of processors so far.
pub fn cpu_seconds(pid: u32) -> f64 {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return 0.0;
    };
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = |at: usize| fields.split(' ').nth(at).unwrap().parse::<f64>().unwrap();
    // A child belongs to the thread that has started it.
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let children =
        threads.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|all| {
            all.split_whitespace()
                .map(|pid| pid.parse().unwrap())
                .collect::<Vec<_>>()
        })
        .collect();
    // User and system time, in hundredths of a second.
    (ticks(11) + ticks(12)) / 100.0 + children.into_iter().map(cpu_seconds).sum::<f64>()
}
