import Glibc

/// How many descriptors this process may have open.
public enum DescriptorLimit {
    /// Raises the soft limit to `wanted`, or to the hard limit if that is lower. Service managers
    /// and shells set it to 1,024 because of programs that use `select`.
    public static func raise(to wanted: Int) {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < rlim_t(wanted) else { return }
        limit.rlim_cur = min(limit.rlim_max, rlim_t(wanted))
        setrlimit(resource, &limit)
    }
}
