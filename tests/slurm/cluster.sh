#!/usr/bin/env bash
# A Slurm cluster of one controller and two nodes on this machine, for tests: everything it has (configuration, state, key,
# socket, logs) is in one folder, and nothing of the system's Slurm is read or touched.
#
#   tests/slurm/cluster.sh start FOLDER     then: export SLURM_CONF=FOLDER/slurm.conf; sinfo; sbatch …
#   tests/slurm/cluster.sh stop FOLDER      ends exactly the processes that `start` began
#
# Needs Debian's slurm-wlm and munge. Two node daemons share a machine under two names and ports. Each node claims four
# processors and two cards, whatever the machine has.
set -euo pipefail

action=${1:?start or stop} folder=${2:?a folder}
PATH=$PATH:/usr/sbin:/sbin

# A port that nobody listens on, from the one given on.
free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}

configure() {
  local user host controller first second
  user=$(id -un) host=$(hostname -s)
  # Far from Slurm's own ports, and from those of another test that starts at the same time.
  controller=$(free_port $((20000 + $$ % 10000)))
  first=$(free_port $((controller + 1)))
  second=$(free_port $((first + 1)))
  mkdir -p "$folder"/{state,node1,node2}
  (umask 077 && head -c 128 /dev/urandom >"$folder/munge.key")
  cat >"$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.sock,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobs.txt
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
GresTypes=gpu
JobRequeue=1
ReturnToService=2
MaxArraySize=${MAX_ARRAY_SIZE:-1001}
KillWait=10
MinJobAge=600
SlurmdTimeout=60
SlurmdParameters=config_overrides
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$first CPUs=4 RealMemory=8000 Gres=gpu:2
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$second CPUs=4 RealMemory=8000 Gres=gpu:2
PartitionName=all Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
  # Any two device files count as cards; jobs are only told their numbers.
  echo "NodeName=node[1-2] Name=gpu File=/dev/null,/dev/zero" >"$folder/gres.conf"
  # Of the kinds there are, the one that touches no control group before it is asked to; nothing here asks.
  echo "CgroupPlugin=cgroup/v1" >"$folder/cgroup.conf"
}

start() {
  configure
  export SLURM_CONF=$folder/slurm.conf
  munged --force --key-file="$folder/munge.key" --socket="$folder/munge.sock" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munge.seed" --num-threads=2
  slurmctld -c
  slurmd -N node1
  slurmd -N node2
  for _ in $(seq 1800); do
    [ "$(sinfo --noheader --Node --states=idle --format=%N 2>/dev/null | wc -l)" = 2 ] && return
    sleep 0.1
  done
  echo "the nodes are not idle after three minutes; see the logs in $folder" >&2
  stop
  exit 1
}

# Whether a process lives: one that nobody has reaped yet does not.
alive() {
  [ -r "/proc/$1/stat" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

stop() {
  local name pid
  for name in slurmctld slurmd-node1 slurmd-node2 munged; do
    [ -s "$folder/$name.pid" ] || continue
    pid=$(cat "$folder/$name.pid")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 100); do
      alive "$pid" || break
      sleep 0.1
    done
  done
}

case $action in
start) start ;;
stop) stop ;;
*) echo "usage: $0 start|stop FOLDER" >&2 && exit 2 ;;
esac
