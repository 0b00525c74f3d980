#!/bin/sh
# A Slurm cluster of nodes on this one machine, for the tests of `vramscope fleet slurm`:
#
#   sh scripts/slurm-cluster.sh start DIR [NODES]   prints the path to export as SLURM_CONF
#   sh scripts/slurm-cluster.sh stop DIR
#
# Needs root and Debian's slurmctld, slurmd, slurm-client and munge. It keeps no accounts, so that there is no sacct.
set -eu
what=$1
dir=$2

stop() {
  for file in "$dir"/*.pid; do
    [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
  done
}

start() {
  nodes=$1
  host=$(hostname -s)
  mkdir -p "$dir/state"
  cat >"$dir/slurm.conf" <<CONF
ClusterName=vramscope
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16827
AuthType=auth/munge
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.%n.log
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[17101-$((17100 + nodes))] CPUs=1 RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  # munged signs what Slurm's programs say to each other; one that runs already is used.
  mkdir -p /run/munge
  if ! munge -n >/dev/null 2>&1; then
    [ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
    chown munge: /etc/munge/munge.key /run/munge
    chmod 400 /etc/munge/munge.key
    su -s /bin/sh munge -c /usr/sbin/munged
  fi
  export SLURM_CONF="$dir/slurm.conf"
  slurmctld -f "$SLURM_CONF"
  node=1
  while [ "$node" -le "$nodes" ]; do
    mkdir -p "$dir/spool.n$node"
    slurmd -f "$SLURM_CONF" -N "n$node"
    node=$((node + 1))
  done
  # Until all nodes are idle; a minute is more than it takes.
  tries=0
  until [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" = "$nodes" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 60 ] || { echo "the nodes do not become idle: $dir/slurmctld.log" >&2; exit 1; }
    sleep 1
  done
  echo "$SLURM_CONF"
}

case $what in
  start) start "${3:-4}" ;;
  stop) stop ;;
  *) echo "slurm-cluster.sh start DIR [NODES] | stop DIR" >&2; exit 2 ;;
esac
