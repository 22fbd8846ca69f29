import AgentCore
import BuildProtocol
import Glibc
import Support

/// Collects the images that a build program left: checks, hashes and moves them.
struct ArtifactCollector {
    let context: AttemptContext

    /// Moves each file to the artifacts folder, from which the gate sends it by name.
    ///
    /// - Throws: a template fault if the files are not what a build is to leave.
    func collect(_ files: [LeftFile]) throws -> [Artifact] {
        guard files.count <= ProtocolLimits.artifactsPerAttempt else {
            throw invalid(
                "left \(files.count) files, at most \(ProtocolLimits.artifactsPerAttempt) are "
                    + "allowed: pack them")
        }
        let names = ArtifactNames.of(
            files.map(\.path), below: context.folder.root,
            outdir: ProgramFolders.packerOutputName)
        let totalBytes = files.map { Files.sizeBytes($0.path) ?? 0 }.clampedSum()
        let chunkBytes = Artifact.chunkSizeBytes(files: files.count, totalBytes: totalBytes)
        var artifacts: [Artifact] = []
        for (file, ownName) in zip(files, names) {
            // By this name the coordinator knows it, too.
            let name = file.kind == .remote ? RemoteImageList.fileName : ownName
            try check(file.path, name)
            guard !artifacts.contains(where: { $0.name == name }) else {
                throw invalid("left two files named \(Names.quoted(name))")
            }
            let kept = "\(context.folder.artifacts)/\(name)"
            if rename(file.path, kept) != 0 {
                throw SystemError.last("cannot move \(file.path)")
            }
            artifacts.append(try measure(kept, name, file, chunkBytes: chunkBytes))
        }
        if let problem = context.order.start.recipe.problem(of: artifacts) {
            throw Fault(.template, .noImage, "the build " + problem)
        }
        if !artifacts.isEmpty { try Files.syncFolder(context.folder.artifacts) }
        return artifacts
    }

    private func check(_ path: String, _ name: String) throws {
        guard Names.isFileName(name) else {
            throw invalid("left a file with the unusable name \(Names.quoted(name))")
        }
        switch Files.kind(path) {
        case .file: break
        case .link:
            throw invalid("left \(Names.quoted(name)), a symbolic link; copy the file instead")
        case .folder:
            throw invalid(
                "left \(Names.quoted(name)), a folder; leave the images themselves, or name them "
                    + "under `artifacts` in aibuild.yml")
        case .other: throw invalid("left \(Names.quoted(name)), which is not a plain file")
        case nil: throw invalid("named \(Names.quoted(name)), which does not exist")
        }
        // The name is plain; none of its folders may be a link that leads elsewhere.
        let root = Links.resolved(context.folder.root) ?? context.folder.root
        guard let real = Links.resolved(path), real.hasPrefix(root + "/") else {
            throw invalid(
                "put its image at \(Names.quoted(path)), outside the attempt's folder; "
                    + "use the variable outdir, or a path relative to the template")
        }
    }

    /// Reads the file once for its own digest and those of its chunks.
    private func measure(
        _ path: String, _ name: String, _ left: LeftFile, chunkBytes: Int64
    ) throws -> Artifact {
        let file = try Descriptor(path, O_RDONLY | O_NOFOLLOW)
        let size = try file.sizeBytes()
        var whole = SHA256()
        var chunks: [String] = []
        var chunk = SHA256()
        var header: [UInt8] = []
        var footer: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: ProtocolLimits.artifactChunkBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while offset < size {
            try context.checkpoint()
            let wanted = Int(min(Int64(buffer.count), size - offset))
            let filled = try fill(buffer, wanted, from: file, at: offset)
            guard filled == wanted else {
                throw Fault(
                    .infrastructure, .hostError,
                    "the image \(Names.quoted(name)) became shorter while it was read")
            }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
            chunk.update(bytes)
            whole.update(bytes)
            if offset == 0 { header = Array(bytes.prefix(ImageInspection.headerBytes)) }
            footer = Array(bytes.suffix(ImageInspection.footerBytes))
            offset += Int64(filled)
            if offset % chunkBytes == 0 || offset == size {
                chunks.append(chunk.finish())
                chunk = SHA256()
            }
        }
        // A result must not be more durable than the files that it names.
        try file.sync()
        let image = ImageInspection(
            name: name, header: header, footer: footer, sizeBytes: size
        ) { offset, count in (try? bytes(of: file, at: offset, count)) ?? [] }
        try check(image, name, left.kind)
        return Artifact(
            name: name, sizeBytes: size, sha256: whole.finish(), format: image.format,
            virtualSizeBytes: image.virtualSizeBytes, chunkSHA256: chunks,
            chunkBytes: chunkBytes == Int64(buffer.count) ? nil : chunkBytes,
            kind: left.kind, isImage: left.isImage ? true : nil)
    }

    private func check(_ image: ImageInspection, _ name: String, _ kind: ArtifactKind?) throws {
        if let other = image.otherFile {
            throw invalid(
                "left \(Names.quoted(name)), which needs \(other) to be complete. Make one image "
                    + "of both: qemu-img convert -O \(image.format.rawValue) …")
        }
        let problem: String? =
            switch kind {
            case .disk where !image.format.isDiskImage: "no disk image"
            case .archive where !image.isPacked, .box where !image.isPacked:
                "neither compressed nor an archive"
            case .disk, .archive, .box, .other, .remote, nil: nil
            }
        guard let problem, let kind else { return }
        throw invalid(
            "left \(Names.quoted(name)), which aibuild.yml declares as \(kind.rawValue), and which "
                + "is \(problem) by its bytes")
    }

    private func bytes(
        of file: borrowing Descriptor, at offset: Int64, _ count: Int
    ) throws(SystemError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
        defer { buffer.deallocate() }
        return Array(buffer[..<(try fill(buffer, count, from: file, at: offset))])
    }

    private func fill(
        _ buffer: UnsafeMutableRawBufferPointer, _ wanted: Int, from file: borrowing Descriptor,
        at offset: Int64
    ) throws(SystemError) -> Int {
        var filled = 0
        while filled < wanted {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<wanted])
            let count = try file.read(into: rest, at: offset + Int64(filled))
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    private func invalid(_ what: String) -> Fault {
        Fault(.template, .templateInvalid, "the build \(what)")
    }
}
