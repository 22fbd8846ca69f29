import Support

/// `deploy/`, whose files the tests use as they are.
public enum DeployFolder {
    public static let path =
        Files.folder(of: Files.folder(of: Files.folder(of: "\(#filePath)"))) + "/deploy"

    public static func text(_ name: String) throws -> String {
        String(decoding: try Files.read("\(path)/\(name)", limitBytes: 1 << 20), as: UTF8.self)
    }
}
