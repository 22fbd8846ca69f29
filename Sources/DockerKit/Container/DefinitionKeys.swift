import TextKit

/// The keyword arguments of docker-py's `containers.run`, with their fields of the Engine API.
enum DefinitionKeys {
    struct Field: Sendable {
        var path: [String]
        var shape: DefinitionShape

        init(_ path: String, _ shape: DefinitionShape) {
            self.path = path.split(separator: "/").map(String.init)
            self.shape = shape
        }
    }

    /// A keyword of which a deployment allows only some values.
    struct Fixed: Sendable {
        var allowed: [JSON]
        var reason: String
    }

    static let all = Set(fields.keys).union(fixed.keys).union(["name"])

    static let fixed: [String: Fixed] = [
        "detach": Fixed(
            allowed: [.bool(true), .int(1), .null],
            reason: "must be true: a deployment does not wait until the container ends"),
        "remove": Fixed(allowed: no, reason: noAutoRemoval),
        "auto_remove": Fixed(allowed: no, reason: noAutoRemoval),
        "use_config_proxy": Fixed(
            allowed: no,
            reason: "must be false: there is no Docker client configuration here; set the proxy "
                + "variables in 'environment'"),
        "stdout": Fixed(allowed: any, reason: anyFlag),
        "stderr": Fixed(allowed: any, reason: anyFlag),
        "stream": Fixed(allowed: any, reason: anyFlag),
    ]

    private static let no: [JSON] = [.bool(false), .int(0), .null]
    private static let any: [JSON] = no + [.bool(true), .int(1)]
    private static let anyFlag = "must be true or false; a deployment returns no output"

    private static let noAutoRemoval =
        "must be false: a container that is removed when it stops cannot be restored"

    static let refused: [String: String] = [
        "image": "the release determines the image; omit this key",
        "version": "the API version is negotiated with the engine; omit this key",
        "lxc_conf": "Docker no longer has an LXC driver; omit this key",
        "cpu_count": "it is for Windows engines only; use 'nano_cpus'",
        "cpu_percent": "it is for Windows engines only; use 'cpu_quota' and 'cpu_period'",
        "init_path": "engines have no such setting since 17.06: use 'init': true, and the daemon's "
            + "option init-path",
        "platform": "it is chosen when the image is pulled; omit this key",
    ]

    static let fields: [String: Field] = container.merging(host) { first, _ in first }

    private static let container: [String: Field] = [
        "command": Field("Cmd", .shellWords),
        "domainname": Field("Domainname", .string),
        "entrypoint": Field("Entrypoint", .shellWords),
        "environment": Field("Env", .pairs("=")),
        "healthcheck": Field("Healthcheck", .health),
        "hostname": Field("Hostname", .string),
        "labels": Field("Labels", .map),
        "mac_address": Field("MacAddress", .string),
        "network": Field("", .network),
        // `ContainerDefinition` checks it against the network.
        "networking_config": Field("NetworkingConfig/EndpointsConfig", .endpoints),
        "network_disabled": Field("NetworkDisabled", .bool),
        "ports": Field("", .ports),
        "stdin_open": Field("OpenStdin", .bool),
        "stop_signal": Field("StopSignal", .string),
        "tty": Field("Tty", .bool),
        "user": Field("User", .stringOrInt),
        "volumes": Field("", .volumes),
        "working_dir": Field("WorkingDir", .string),
    ]

    private static let host: [String: Field] = [
        "blkio_weight": Field("HostConfig/BlkioWeight", .int),
        "blkio_weight_device": Field("HostConfig/BlkioWeightDevice", .objects),
        "cap_add": Field("HostConfig/CapAdd", .strings),
        "cap_drop": Field("HostConfig/CapDrop", .strings),
        "cgroup_parent": Field("HostConfig/CgroupParent", .string),
        "cgroupns": Field("HostConfig/CgroupnsMode", .string),
        "cpu_period": Field("HostConfig/CpuPeriod", .int),
        "cpu_quota": Field("HostConfig/CpuQuota", .int),
        "cpu_rt_period": Field("HostConfig/CpuRealtimePeriod", .int),
        "cpu_rt_runtime": Field("HostConfig/CpuRealtimeRuntime", .int),
        "cpu_shares": Field("HostConfig/CpuShares", .int),
        "cpuset_cpus": Field("HostConfig/CpusetCpus", .string),
        "cpuset_mems": Field("HostConfig/CpusetMems", .string),
        "device_cgroup_rules": Field("HostConfig/DeviceCgroupRules", .strings),
        "device_read_bps": Field("HostConfig/BlkioDeviceReadBps", .objects),
        "device_read_iops": Field("HostConfig/BlkioDeviceReadIOps", .objects),
        "device_requests": Field("HostConfig/DeviceRequests", .deviceRequests),
        "device_write_bps": Field("HostConfig/BlkioDeviceWriteBps", .objects),
        "device_write_iops": Field("HostConfig/BlkioDeviceWriteIOps", .objects),
        "devices": Field("HostConfig/Devices", .devices),
        "dns": Field("HostConfig/Dns", .strings),
        "dns_opt": Field("HostConfig/DnsOptions", .strings),
        "dns_search": Field("HostConfig/DnsSearch", .strings),
        "extra_hosts": Field("HostConfig/ExtraHosts", .pairs(":")),
        "group_add": Field("HostConfig/GroupAdd", .strings),
        "init": Field("HostConfig/Init", .bool),
        "ipc_mode": Field("HostConfig/IpcMode", .string),
        "isolation": Field("HostConfig/Isolation", .string),
        "kernel_memory": Field("HostConfig/KernelMemory", .bytes),
        "links": Field("HostConfig/Links", .links),
        "log_config": Field("HostConfig/LogConfig", .logging),
        "mem_limit": Field("HostConfig/Memory", .bytes),
        "mem_reservation": Field("HostConfig/MemoryReservation", .bytes),
        "mem_swappiness": Field("HostConfig/MemorySwappiness", .int),
        "memswap_limit": Field("HostConfig/MemorySwap", .bytes),
        "mounts": Field("HostConfig/Mounts", .objects),
        "nano_cpus": Field("HostConfig/NanoCpus", .int),
        "network_mode": Field("HostConfig/NetworkMode", .string),
        "oom_kill_disable": Field("HostConfig/OomKillDisable", .bool),
        "oom_score_adj": Field("HostConfig/OomScoreAdj", .int),
        "pid_mode": Field("HostConfig/PidMode", .string),
        "pids_limit": Field("HostConfig/PidsLimit", .int),
        "privileged": Field("HostConfig/Privileged", .bool),
        "publish_all_ports": Field("HostConfig/PublishAllPorts", .bool),
        "read_only": Field("HostConfig/ReadonlyRootfs", .bool),
        "restart_policy": Field("HostConfig/RestartPolicy", .restart),
        "runtime": Field("HostConfig/Runtime", .string),
        "security_opt": Field("HostConfig/SecurityOpt", .strings),
        "shm_size": Field("HostConfig/ShmSize", .bytes),
        "storage_opt": Field("HostConfig/StorageOpt", .map),
        "sysctls": Field("HostConfig/Sysctls", .map),
        "tmpfs": Field("HostConfig/Tmpfs", .tmpfs),
        "ulimits": Field("HostConfig/Ulimits", .ulimits),
        "userns_mode": Field("HostConfig/UsernsMode", .string),
        "uts_mode": Field("HostConfig/UTSMode", .string),
        "volume_driver": Field("HostConfig/VolumeDriver", .string),
        "volumes_from": Field("HostConfig/VolumesFrom", .commaStrings),
    ]
}
