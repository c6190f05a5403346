package slack_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
)

// dot is the smallest picture.
func dot(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFileIntoAThread uploads with slack-go's own client.
func TestFileIntoAThread(t *testing.T) {
	w := start(t, slack.Config{Scopes: append(slack.DefaultScopes(), "channels:history")})
	root, picture := w.post(t, "root"), dot(t)
	got, err := w.api.UploadFileContext(t.Context(), slackgo.UploadFileParameters{
		Reader: bytes.NewReader(picture), FileSize: len(picture), Filename: "watch.png", Title: "The watch", AltTxt: "All went well",
		Channel: ops, ThreadTimestamp: root, InitialComment: "see",
	})
	if err != nil {
		t.Fatal(err)
	}
	messages := w.Thread(ops, root)
	if len(messages) != 2 || messages[1].Text != "see" || len(messages[1].Files) != 1 {
		t.Fatalf("the thread: %+v", messages)
	}
	f := messages[1].Files[0]
	if f.ID != got.ID || f.Title != "The watch" || f.AltText != "All went well" || f.Name != "watch.png" || f.Mimetype != "image/png" || f.Width != 3 || f.Height != 2 {
		t.Errorf("the file: %+v", f)
	}
	if kept, ok := w.File(got.ID); !ok || !bytes.Equal(kept.Bytes(), picture) {
		t.Errorf("%d bytes are kept of %d", len(kept.Bytes()), len(picture))
	}
	page, _, _, err := w.api.GetConversationRepliesContext(t.Context(), &slackgo.GetConversationRepliesParameters{ChannelID: ops, Timestamp: root})
	if err != nil || len(page) != 2 || len(page[1].Files) != 1 || page[1].Files[0].Name != "watch.png" {
		t.Errorf("read back: %+v, %v", page, err)
	}
}

// announce asks for an upload address.
func announce(t *testing.T, w *world, args url.Values) map[string]any {
	t.Helper()
	_, _, out := direct(t, w.Server, "files.getUploadURLExternal", args)
	return out
}

// send posts bytes to an upload address and returns the status.
func send(t *testing.T, w *world, address, body string) int {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(w.url+u.Path, "application/octet-stream", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func TestUploadRules(t *testing.T) {
	w := start(t, slack.Config{})
	for want, args := range map[string]url.Values{
		"missing_argument":            {"filename": {"a.png"}},
		"invalid_arguments":           {"filename": {"a.png"}, "length": {"0"}},
		"file_upload_size_restricted": {"filename": {"a.png"}, "length": {"999999999"}},
		"alt_txt_too_large":           {"filename": {"a.png"}, "length": {"3"}, "alt_txt": {strings.Repeat("é", 1001)}},
	} {
		if out := announce(t, w, args); out["error"] != want {
			t.Errorf("%v: %v, want %s", args, out, want)
		}
	}
	file := announce(t, w, url.Values{"filename": {"a.txt"}, "length": {"3"}, "alt_txt": {strings.Repeat("é", 1000)}})
	id, address := fmt.Sprint(file["file_id"]), fmt.Sprint(file["upload_url"])
	complete := func(args url.Values) any {
		_, _, out := direct(t, w.Server, "files.completeUploadExternal", args)
		if out["ok"] == true {
			return "ok"
		}
		return out["error"]
	}
	one := `[{"id":"` + id + `"}]`
	if got := complete(url.Values{"files": {one}, "channel_id": {ops}}); got != "file_not_found" {
		t.Errorf("completing what was not uploaded: %v", got)
	}
	if got := send(t, w, address, "ab"); got != http.StatusBadRequest {
		t.Errorf("too short: %d", got)
	}
	if got := send(t, w, address, "abc"); got != http.StatusBadRequest {
		t.Errorf("the address served twice: %d", got)
	}
	file = announce(t, w, url.Values{"filename": {"a.txt"}, "length": {"3"}})
	id, address = fmt.Sprint(file["file_id"]), fmt.Sprint(file["upload_url"])
	one = `[{"id":"` + id + `"}]`
	if got := send(t, w, address, "abc"); got != http.StatusOK {
		t.Fatalf("uploading: %d", got)
	}
	if got := send(t, w, address+"x", "abc"); got != http.StatusBadRequest {
		t.Errorf("an address nobody handed out: %d", got)
	}
	root := w.post(t, "root")
	reply := w.post(t, "reply", slackgo.MsgOptionTS(root))
	for want, args := range map[string]url.Values{
		"missing_argument":        {},
		"invalid_arguments":       {"files": {"{}"}},
		"file_not_found":          {"files": {`[{"id":"F0ELSE"}]`}},
		"channel_not_found":       {"files": {one}, "channel_id": {"C0ELSE"}},
		"cannot_reply_to_message": {"files": {one}, "channel_id": {ops}, "thread_ts": {reply}},
		"ok":                      {"files": {one}}, // stays private
	} {
		if got := complete(args); got != want {
			t.Errorf("%v: %v, want %s", args, got, want)
		}
	}
	if n := len(w.Messages(ops)); n != 2 {
		t.Errorf("%d messages after refusals", n)
	}
	for range 2 { // nothing makes a file unique
		if got := complete(url.Values{"files": {one}, "channel_id": {ops}, "thread_ts": {root}}); got != "ok" {
			t.Errorf("completing: %v", got)
		}
	}
	if n := len(w.Thread(ops, root)); n != 4 {
		t.Errorf("%d messages in the thread", n)
	}
}

func TestUploadNeedsItsScope(t *testing.T) {
	w := start(t, slack.Config{Scopes: []string{"chat:write"}})
	out := announce(t, w, url.Values{"filename": {"a.png"}, "length": {"3"}})
	if out["error"] != "missing_scope" || out["needed"] != "files:write" {
		t.Errorf("answer %v", out)
	}
}

func TestUploadAddressExpires(t *testing.T) {
	bubble(t, slack.Config{}, func(t *testing.T, s *slack.Server) {
		w := &world{Server: s}
		file := announce(t, w, url.Values{"filename": {"a.txt"}, "length": {"3"}})
		<-time.After(2 * time.Minute)
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, fmt.Sprint(file["upload_url"]), strings.NewReader("abc")))
		if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "expired") {
			t.Errorf("after two minutes: %d %s", answer.Code, answer.Body)
		}
	})
}

// TestUploadsAreRecordedAndCanFail: what is uploaded is searched like every
// other request, and faults work on it.
func TestUploadsAreRecordedAndCanFail(t *testing.T) {
	w := start(t, slack.Config{})
	file := announce(t, w, url.Values{"filename": {"a.txt"}, "length": {"3"}, "alt_txt": {"planted-alt"}})
	w.Faults.Inject("upload", wire.Fault{Match: wire.Match{Path: "/upload/*"}, Limit: 1, Do: wire.Answer(http.StatusBadGateway, nil, `{}`)})
	if got := send(t, w, fmt.Sprint(file["upload_url"]), "xyz"); got != http.StatusBadGateway {
		t.Errorf("with a fault: %d", got)
	}
	if got := send(t, w, fmt.Sprint(file["upload_url"]), "xyz"); got != http.StatusOK {
		t.Errorf("after the fault: %d", got)
	}
	var alt, bytes bool
	for q := range w.Requests.All() {
		alt = alt || strings.Contains(string(q.Raw()), "planted-alt")
		bytes = bytes || strings.Contains(string(q.Raw()), "xyz")
	}
	if !alt || !bytes {
		t.Errorf("recorded: alt text %v, bytes %v", alt, bytes)
	}
}
