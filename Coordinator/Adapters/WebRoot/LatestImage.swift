import BuildProtocol
import CoordinatorCore
import FoundationEssentials
import Support
import TextKit

/// `latest.json` of a folder of tested images: a copy of the newest build's `build.json`, with the
/// image's name and URL, as a stable address for scripts. It is generated from the files in the
/// folder, so that it is right after any crash, and after an image was removed.
enum LatestImage {
    static let name = "latest.json"

    /// The fields of `build.json` that are read.
    private struct Record: Decodable {
        var build, guestOS, imageName: String
        var number: Int
        var commit: String?
        /// Absent in records of older versions.
        var image: String?
        var artifacts: [Artifact]

        var published: Artifact? {
            artifacts.first { $0.name == image }
                ?? artifacts.max { a, b in
                    (a.format.isDiskImage ? 1 : 0, a.sizeBytes, b.name)
                        < (b.format.isDiskImage ? 1 : 0, b.sizeBytes, a.name)
                }
        }
    }

    private struct Latest: Encodable {
        var build, guestOS, imageName, name, url, sha256, format: String
        var number: Int
        var sizeBytes: Int64
        var commit: String?
    }

    /// - Parameter url: of the folder.
    static func renew(_ place: String, url: String) throws(SystemError) {
        guard Files.exists(place) else { return }
        let records = try Files.list(place).filter { $0.hasSuffix(".build.json") }
            .compactMap { read("\(place)/\($0)") }
        let latest = records.max { $0.number < $1.number }
        guard let latest, let artifact = latest.published else {
            return try Files.remove("\(place)/\(name)")
        }
        let image = artifact.publishedName(at: 0, imageName: latest.imageName)
        let value = Latest(
            build: latest.build, guestOS: latest.guestOS, imageName: latest.imageName,
            name: image, url: "\(url)/\(image)", sha256: artifact.sha256,
            format: artifact.format.rawValue, number: latest.number, sizeBytes: artifact.sizeBytes,
            commit: latest.commit)
        guard let bytes = try? CanonicalJSON.encode(value, isPretty: true) else { return }
        try Files.replace("\(place)/\(name)", with: bytes)
    }

    /// `nil` if it cannot be read: that may hide a newer build, and does no other harm.
    private static func read(_ path: String) -> Record? {
        guard let bytes = try? Files.read(path, limitBytes: Publication.recordBytes) else {
            return nil
        }
        return try? JSONDecoder().decode(Record.self, from: Data(bytes))
    }
}
