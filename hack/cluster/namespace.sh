#!/bin/sh
# The first process of a node: it makes a place of the node's own out of fresh
# namespaces, says "ready", and then only holds them open. When it ends, the
# kernel ends every process in them and takes mounts, devices and rules along.
#   namespace.sh PAUSE STATE
set -eu

mount --make-rshared /          # what the kubelet mounts must reach containers
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/log

# Network plugins keep results in a place that cannot be configured. The folder
# is made for the mount; who removes it asks for this lock first.
mkdir -p /var/lib/cni
exec 9< /var/lib/cni
flock --shared 9
mount -t tmpfs -o mode=755 tmpfs /var/lib/cni

mkdir -p /run/kubelet           # a short path: the kubelet's sockets may have 107 characters
mount --bind "$2/kubelet" /run/kubelet

# The kubelet would set these for the whole machine; it leaves alone what is right.
pretend() {
    mkdir -p "/run/sysctl/$(dirname "$1")"
    echo "$2" > "/run/sysctl/$1"
    mount --bind "/run/sysctl/$1" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000

echo 1 > /proc/sys/net/ipv4/ip_forward  # of this network namespace alone
echo ready
exec "$1"
