import Glibc

/// The files in which the kernel keeps the memory of a process that crashed.
public enum CoreDumps {
    /// Neither this process nor those that it starts leave one: secrets would be in it.
    public static func forbid() {
        var none = rlimit()
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    }
}
