package io.ledgerlake;

import io.delta.storage.S3SingleDriverLogStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Iterator;
import java.util.Map;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Delta log on S3 with put-if-absent: of any number of drivers, processes and engines that write one version,
 * exactly one succeeds, and every other is told so by {@link FileAlreadyExistsException} and may try the next.
 *
 * <p>The stock store looks whether the file exists and then overwrites it. This one sends If-None-Match with the
 * PUT, so the store decides. Hadoop does that only for {@code createFile()} with the option below; its
 * {@code create(path, overwrite=false)} never does. A store without conditional PUT makes the write fail.
 *
 * <p>When the reply to a PUT is lost, the client repeats it and is refused by its own object. Each write therefore
 * carries an id in the object's metadata: our id in the stored object means that we won; another id, that we lost;
 * and when it cannot be read, the outcome is unknown and the failure goes to the caller.
 */
public final class ConditionalLogStore extends S3SingleDriverLogStore {
  private static final String WRITER = "ledgerlake-writer";

  public ConditionalLogStore(Configuration configuration) {
    super(configuration);
  }

  @Override
  public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration configuration)
      throws IOException {
    if (overwrite) {
      super.write(path, actions, true, configuration);
      return;
    }
    FileSystem store = path.getFileSystem(configuration);
    String writer = UUID.randomUUID().toString();
    FSDataOutputStream body = open(store, path, writer);
    try {
      while (actions.hasNext()) {
        body.write((actions.next() + "\n").getBytes(StandardCharsets.UTF_8));
      }
    } catch (Throwable broken) {
      body.abort(); // close() would publish the half that was written
      throw broken;
    }
    try {
      body.close(); // the PUT
    } catch (IOException refused) {
      if (!writer.equals(writerOf(store, path, refused))) {
        throw taken(path, refused);
      }
    }
  }

  private static FSDataOutputStream open(FileSystem store, Path path, String writer) throws IOException {
    FSDataOutputStreamBuilder<?, ?> file = store.createFile(path);
    try {
      return file.create().overwrite(false).recursive()
          .must("fs.option.create.conditional.overwrite", true)
          .must("fs.s3a.create.header." + WRITER, writer)
          .build();
    } catch (org.apache.hadoop.fs.FileAlreadyExistsException exists) {
      throw taken(path, exists);
    }
  }

  /** The id of the write that made the stored object; if there is none to read, the refusal is thrown on. */
  private static String writerOf(FileSystem store, Path path, IOException refused) throws IOException {
    try {
      for (Map.Entry<String, byte[]> header : store.getXAttrs(path).entrySet()) {
        if (header.getKey().equalsIgnoreCase("header." + WRITER)) { // stores change the case of the name
          return new String(header.getValue(), StandardCharsets.UTF_8);
        }
      }
      return ""; // an object of another engine
    } catch (IOException unreadable) {
      refused.addSuppressed(unreadable);
      throw refused;
    }
  }

  private static IOException taken(Path path, IOException cause) {
    IOException taken = new FileAlreadyExistsException(path.toString());
    taken.initCause(cause);
    return taken;
  }
}
