// Sends one signed appeal; Java 11 or later, nothing to install.
//   HUISU_URL=http://127.0.0.1:8012/hooks/app-1 HUISU_SECRET=whsec_… java Send.java
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Send {
    public static void main(String[] args) throws Exception {
        String url = System.getenv("HUISU_URL");
        String secret = System.getenv("HUISU_SECRET");
        Instant now = Instant.now();

        // Use your JSON library here. Chinese is written as \\u escapes only because not every javac reads this file as UTF-8.
        String json = "{\"type\":\"appeal.created\",\"timestamp\":\"" + now + "\",\"data\":{"
            + "\"externalId\":\"APP-0001\",\"title\":\"\u8def\u706f\u4e0d\u4eae\","
            + "\"content\":\"\u5e78\u798f\u8def12\u53f7\u8def\u706f\u4e0d\u4eae\u4e09\u5929\","
            + "\"contact\":{\"name\":\"\u5f20\u4e09\",\"phone\":\"13800138000\"}}}";
        // Name the charset: the default of the machine may be GBK.
        byte[] body = json.getBytes(StandardCharsets.UTF_8);

        // One id for one message: keep it with the message, and send it again unchanged on every retry.
        String id = "msg_" + UUID.randomUUID();
        String timestamp = Long.toString(now.getEpochSecond());
        byte[] key = Base64.getDecoder().decode(secret.substring("whsec_".length()));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        // Signed are the very bytes that are sent.
        String signature = Base64.getEncoder().encodeToString(mac.doFinal(body));

        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
            .timeout(Duration.ofSeconds(30))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", "v1," + signature)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
        HttpResponse<String> response = HttpClient.newHttpClient()
            .send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        out.println(response.body());
        out.println(response.statusCode());
    }
}
