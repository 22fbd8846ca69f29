import Glibc
import Support

/// Copies of standard input and output that may be closed.
enum Stdio {
    static func descriptor(_ number: Int32) throws(SystemError) -> Descriptor {
        let copy = dup(number)
        if copy < 0 { throw .last("cannot use standard input and output") }
        return Descriptor(owning: copy)
    }
}
