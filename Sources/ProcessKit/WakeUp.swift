import CLinux
public import Support

/// An eventfd that wakes a thread: signalled by a task, waited for with `Wait`.
public struct WakeUp: ~Copyable, Sendable {
    public let descriptor: Descriptor

    public init() throws(SystemError) {
        descriptor = Descriptor(
            owning: try checked(aib_eventfd_create(), "cannot create an eventfd"))
    }

    public func signal() { _ = aib_eventfd_signal(descriptor.raw) }
    public func clear() { _ = aib_eventfd_drain(descriptor.raw) }
}
