import CLinux
import Glibc
public import Support

/// Change notifications of folders. Reports which folder changed, not what changed: the caller
/// looks, so that a lost or merged event does no harm.
public struct FolderWatch: ~Copyable, Sendable {
    /// Readable when there are events; for poll or an event loop.
    public let descriptor: Descriptor

    public init() throws(SystemError) {
        descriptor = Descriptor(owning: try checked(aib_inotify_create(), "cannot use inotify"))
    }

    /// - Returns: the watch's number, as returned by `takeEvents`.
    public func add(_ folder: String) throws(SystemError) -> Int32 {
        try checked(aib_inotify_add(descriptor.raw, folder), "cannot watch \(folder)")
    }

    public func remove(_ watch: Int32) { _ = aib_inotify_remove(descriptor.raw, watch) }

    /// The watches that had events since the last call; does not wait.
    public func takeEvents() throws(SystemError) -> Set<Int32> {
        var all: Set<Int32> = []
        var watches = [Int32](repeating: 0, count: 512)
        while true {
            let count = try checked(
                aib_inotify_read(descriptor.raw, &watches, Int32(watches.count)),
                "cannot read inotify events")
            if count == 0 { return all }
            all.formUnion(watches.prefix(Int(count)))
        }
    }
}
