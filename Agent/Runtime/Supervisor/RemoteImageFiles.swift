import AgentCore
import BuildProtocol
import Support

/// Reads the files in which a build says what it has made elsewhere.
enum RemoteImageFiles {
    /// - Parameter artifacts: those of the attempt, which were moved to their folder.
    /// - Throws: a template fault if a file that is declared to be such a list is none.
    static func images(
        in artifacts: [Artifact], _ folder: AttemptFolder
    ) throws -> [RemoteImage] {
        var images: [RemoteImage] = []
        for artifact in artifacts where artifact.kind == .remote {
            let list = try read("\(folder.artifacts)/\(artifact.name)", artifact.name)
            images += list.images.filter { !images.contains($0) }
        }
        guard images.count <= ProtocolLimits.remoteImages else {
            throw invalid("\(images.count) images are listed", "the build's files")
        }
        return images
    }

    private static func read(_ path: String, _ name: String) throws -> RemoteImageList {
        let list: RemoteImageList
        do {
            list = try StateFile.read(
                RemoteImageList.self, path, limitBytes: AgentLimits.remoteListBytes)
        } catch let error as SystemError {
            throw error
        } catch {
            throw invalid("it is no JSON with these fields", name)
        }
        if let problem = list.problem { throw invalid(problem, name) }
        return list
    }

    private static func invalid(_ why: String, _ name: String) -> Fault {
        Fault(
            .template, .templateInvalid,
            "\(Names.quoted(name)), which aibuild.yml declares as remote, does not say what the "
                + "build made elsewhere (\(why)): expected "
                + #"{"images": [{"builder": "aws", "type": "ami", "id": "eu-central-1:ami-0abc"}]}"#
        )
    }
}
