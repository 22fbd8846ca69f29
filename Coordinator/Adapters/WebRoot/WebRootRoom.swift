import CoordinatorCore
import Glibc
import Support

/// The room for images below a web root. It is measured where images arrive: the folders above may
/// belong to somebody else, and be on another disk.
package struct WebRootRoom {
    private let folder: String

    package init(folder: String) { self.folder = folder }

    /// The folder of images, or where it would be made.
    package var place: String {
        ["\(folder)/images/build", "\(folder)/images"].first { Files.exists($0) } ?? folder
    }

    /// - Throws: `WebRootFault` if nothing can be written there.
    func freeBytes() throws -> Int64 {
        let place = place
        guard access(place, W_OK) == 0 else {
            throw WebRootFault(SystemError.last("cannot write to \(place)"), place)
        }
        return try Files.room(place).free
    }
}
