import Support
import YAMLKit

extension YAMLType where Value == String {
    /// The path of something that is there.
    static var existingFile: YAMLType<String> {
        .string.checked { path in
            Files.kind(path) == nil ? "the file \(path) does not exist" : nil
        }
    }
}
