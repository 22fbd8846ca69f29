import CoordinatorCore
import Support
import TextKit

/// Reads from the metadata of package repositories what changes with their packages, and not what
/// changes whenever the metadata is made anew. It decides no more than whether an image is built
/// again, so signatures are left to the package manager of the build.
struct PackageIndexes: Sendable {
    /// - Returns: `nil` if there is no such file.
    let fetch: @Sendable (_ url: String) async throws -> [UInt8]?

    /// Each source is read and judged alone.
    /// - Throws: `TemplateFault` if none can be read.
    func sight(of watch: PackageWatch, since old: String?) async throws -> WatchSight {
        var found: [String: String] = [:]
        var all: [String] = []
        var faults: [TemplateFault] = []
        for source in watch.sources {
            do {
                let digests =
                    switch source.kind {
                    case .apt: try await aptDigests(source)
                    case .dnf: [try await dnfDigest(source)]
                    }
                let text = "\(source.text) \(digests.joined(separator: " "))"
                all.append(text)
                found[source.text] = SHA256.hex(text.utf8)
            } catch let fault as TemplateFault { faults.append(fault) }
        }
        if let fault = faults.first, found.isEmpty { throw fault }
        let known = old.map(PackageMarks.init(text:)) ?? PackageMarks()
        let (marks, isChanged) = known.taking(
            found,
            whole: faults.isEmpty ? SHA256.hex(all.joined(separator: "\n").utf8) : nil)
        return WatchSight(
            mark: marks.text, isChanged: old != nil && isChanged,
            problem: faults.isEmpty
                ? nil : faults.map(\.description).joined(separator: "; "))
    }

    // MARK: apt

    private func aptDigests(_ source: PackageSource) async throws -> [String] {
        let folder = "\(source.url)/dists/\(source.suite)"
        var release = try await fetch(folder + "/InRelease")
        if release == nil { release = try await fetch(folder + "/Release") }
        guard let release else {
            throw TemplateFault(
                "\(source.url) has no suite \(source.suite): there is neither InRelease nor "
                    + "Release in dists/\(source.suite)/")
        }
        let digests = Self.digests(String(decoding: release, as: UTF8.self))
        guard !digests.isEmpty else {
            throw TemplateFault(
                "\(folder)/InRelease is no file of an apt repository: it lists no SHA256 digests")
        }
        return try source.components.map { component in
            let index = "\(component)/binary-\(source.architecture)/Packages"
            // The plain one is listed, whichever of them the repository has.
            for name in [index, index + ".xz", index + ".gz"] {
                if let digest = digests[name] { return digest }
            }
            throw TemplateFault(
                "the suite \(source.suite) of \(source.url) has no component \(component) for "
                    + "\(source.architecture): its Release file has no \(index)")
        }
    }

    /// The SHA-256 digests of a Release file, by name.
    static func digests(_ release: String) -> [String: String] {
        var digests: [String: String] = [:]
        var isInside = false
        for line in release.lines {
            if !line.hasPrefix(" ") {
                isInside = line.hasPrefix("SHA256:")
                continue
            }
            let words = line.split(separator: " ")
            if isInside, words.count == 3 { digests[String(words[2])] = String(words[0]) }
        }
        return digests
    }

    // MARK: dnf

    private func dnfDigest(_ source: PackageSource) async throws -> String {
        let url = source.url + "/repodata/repomd.xml"
        guard let bytes = try await fetch(url) else {
            throw TemplateFault("\(source.url) has no repodata/repomd.xml")
        }
        guard let digest = Self.primary(String(decoding: bytes, as: UTF8.self)) else {
            throw TemplateFault("\(url) names no list of packages (primary) with a checksum")
        }
        return digest
    }

    /// The checksum of the list of packages. The file is small and made by one program, so that a
    /// pattern finds it as well as a parser of XML.
    static func primary(_ text: String) -> String? {
        let data = #/<data\s+type="primary"\s*>(.*?)<\/data>/#.dotMatchesNewlines()
        let checksum = #/<checksum\s+type="[a-z0-9]+"\s*>\s*([0-9a-fA-F]{32,128})\s*<\/checksum>/#
        guard let found = text.firstMatch(of: data)?.1 else { return nil }
        return found.firstMatch(of: checksum).map { $0.1.lowercased() }
    }
}
