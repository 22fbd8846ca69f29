import BuildProtocol
import CoordinatorCore
import DiskImageKit
import HTTPClientKit
import OpenStackKit

/// The published file as it is sent: unchanged, or as the disk that a guest would see.
struct ImageFile: Sendable {
    /// Glance's name of the format, which is also that of the protocol.
    let format: String
    let isConverted: Bool
    let body: UploadBody
    let minDiskGiB: Int

    private static let gibibyte: Int64 = 1 << 30

    init(_ order: ReleaseOrder, _ settings: OpenStackSettings) throws {
        let image = order.image
        let path = order.imagePath
        let wanted = order.format ?? settings.format
        guard image.format.isDiskImage else {
            throw ReleaseFault(
                .rejected, "\(image.name) is not a disk image, so it cannot go into an OpenStack")
        }
        // Checked in any case: an image that depends on other files is useless elsewhere.
        let header = image.format == .qcow2 ? try QCOW2Header(file: path) : nil
        let diskBytes = header?.virtualSizeBytes ?? image.virtualSizeBytes ?? image.sizeBytes
        minDiskGiB = Int((diskBytes + Self.gibibyte - 1) / Self.gibibyte)
        format = wanted?.rawValue ?? image.format.rawValue
        isConverted = wanted.map { !$0.isMet(by: image.format) } ?? false
        let sha256 = image.sha256
        if !isConverted {
            let size = image.sizeBytes
            body = UploadBody(sizeBytes: size) {
                try ImageFileReader(path, sizeBytes: size, sha256: sha256)
            }
        } else if wanted == .raw, let header {
            body = UploadBody(sizeBytes: header.virtualSizeBytes) {
                try RawDiskReader(qcow2: path, sha256: sha256)
            }
        } else {
            throw ReleaseFault(
                .rejected,
                "\(image.name) is \(image.format.rawValue), and the environment wants \(format): "
                    + "only qcow2 is converted, and only to raw; let the template make \(format), "
                    + "or set no format")
        }
    }
}
