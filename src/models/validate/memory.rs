//! The process's own memory, as Linux tells it.

/// Starts a new count of the most memory held, and answers with what is held now, in bytes.
pub(crate) fn start() -> Option<u64> {
    // 5 resets the high-water mark (proc_pid_clear_refs(5)). Where it can't be, the mark of the whole process stands.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    field("VmRSS:")
}

/// The most bytes held since [`start`] beyond those `before`.
pub(crate) fn peak_since(before: Option<u64>) -> Option<u64> {
    Some(field("VmHWM:")?.saturating_sub(before?))
}

fn field(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
