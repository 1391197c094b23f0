//! No space left, for real: a tiny file system of its own, where this process may mount one.

use crate::harness::Bench;
use crate::skip;
use std::process::Command;

/// A mounted file system that goes with the value.
struct SmallDisk<'a>(&'a Bench);

impl<'a> SmallDisk<'a> {
    fn mount(bench: &'a Bench, size: &str) -> Option<Self> {
        std::fs::create_dir(bench.path("small")).unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(bench.path("small"));
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(bench))
    }

    /// Mounts it otherwise: `size=50m`, `ro`, `rw`.
    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let mut mount = Command::new("mount");
        assert!(mount.args(["-o", &options]).arg(self.0.path("small")).status().unwrap().success());
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path("small")).status();
    }
}

#[test]
fn a_full_disk_is_said_and_the_run_goes_on_when_there_is_room() {
    let bench = Bench::new();
    let Some(disk) = SmallDisk::mount(&bench, "40k") else {
        skip::here("this process may not mount a file system");
        return;
    };
    let (_, stderr) = bench.expect(1, &["run", "p.toml", "--run-dir", "small/run"]);
    assert!(stderr.contains("No space left on device"), "{stderr}");
    assert!(stderr.contains("free some space and run again"), "{stderr}");
    disk.remount("size=50m");
    bench.expect(0, &["run", "p.toml", "--run-dir", "small/run"]);
    bench.give_run("whole", &[]);
    assert_eq!(bench.results("small/run"), bench.results("whole"));
}

#[test]
fn a_read_only_folder_is_named_and_can_be_looked_at() {
    let bench = Bench::new();
    let Some(disk) = SmallDisk::mount(&bench, "50m") else {
        skip::here("this process may not mount a file system");
        return;
    };
    disk.remount("ro");
    let (_, stderr) = bench.expect(1, &["run", "p.toml", "--run-dir", "small/run"]);
    assert!(stderr.contains("small/run: Read-only file system"), "{stderr}");
    assert!(stderr.contains("choose a folder you may write with --run-dir"), "{stderr}");
    disk.remount("rw");
    bench.expect(0, &["run", "p.toml", "--run-dir", "small/run", "--until", "anchor"]);
    disk.remount("ro");
    let (_, stderr) = bench.expect(1, &["run", "p.toml", "--run-dir", "small/run"]);
    assert!(stderr.contains("small/run/lock: Read-only file system"), "{stderr}");
    bench.expect(0, &["status", "small/run"]);
    bench.expect(0, &["verify", "small/run"]);
    disk.remount("rw");
    bench.expect(0, &["run", "p.toml", "--run-dir", "small/run"]);
}
