//! How the C library keeps freed memory.

/// Lets threads share a few pools of freed memory in place of many of their own: blocking threads come and go, and each
/// pool would keep what its fullest hour took. Measured on encoding: 95 MiB after 10,000 images and 134 after 100,000
/// without, 83 and 89 with two pools. `MALLOC_ARENA_MAX` still has the last word.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub(crate) fn share_pools() {
    if std::env::var_os("MALLOC_ARENA_MAX").is_some() {
        return;
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let pools = i32::try_from(cores.clamp(2, 8)).unwrap_or(2);
    // SAFETY: `mallopt` takes two numbers and sets one of the allocator's own; it is called before any other thread is
    // there, and a refusal changes nothing.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, pools) };
}

/// Other C libraries have their own ways.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn share_pools() {}
