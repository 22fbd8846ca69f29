import Glibc

/// Strings in the form that C takes them.
enum CStrings {
    /// A NULL-terminated vector that lives for the duration of `body`.
    static func withVector<R>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return (copies + [nil]).withUnsafeBufferPointer { buffer in
            // A vector is never empty: it ends in NULL.
            guard let base = buffer.baseAddress else { preconditionFailure("empty vector") }
            return body(base)
        }
    }

    static func withOptional<R>(_ string: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
        guard let string else { return body(nil) }
        return string.withCString { body($0) }
    }
}
