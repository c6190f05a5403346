package page

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"rekey/internal/sandbox/slack"
)

// uploads puts a file into the channel as the bot does.
func (s *stage) uploads(name, alt string, data []byte) slack.File {
	s.Helper()
	var announced struct {
		Address string `json:"upload_url"`
		ID      string `json:"file_id"`
	}
	s.asks("/api/files.getUploadURLExternal", url.Values{"filename": {name}, "length": {strconv.Itoa(len(data))}, "alt_txt": {alt}}.Encode(), &announced)
	s.asks(announced.Address, string(data), nil)
	s.asks("/api/files.completeUploadExternal", url.Values{"files": {`[{"id":"` + announced.ID + `"}]`}, "channel_id": {channel}}.Encode(), nil)
	f, ok := s.slack.File(announced.ID)
	if !ok {
		s.Fatal("the file is not there")
	}
	return f
}

func (s *stage) asks(at, body string, into any) {
	s.Helper()
	q := httptest.NewRequest(http.MethodPost, at, strings.NewReader(body))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Authorization", "Bearer xoxb-sandbox-bot")
	out := httptest.NewRecorder()
	s.slack.Handler().ServeHTTP(out, q)
	if out.Code != http.StatusOK || strings.Contains(out.Body.String(), `"ok":false`) {
		s.Fatalf("%s: %d %s", at, out.Code, out.Body)
	}
	if into != nil {
		if err := json.Unmarshal(out.Body.Bytes(), into); err != nil {
			s.Fatal(err)
		}
	}
}

// TestFilesAreServedAsWhatTheyAre: a picture is shown, anything else is saved,
// and nothing that was uploaded becomes a page.
func TestFilesAreServedAsWhatTheyAre(t *testing.T) {
	s := set(t)
	r := s.reads("")
	r.wants("picture")
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	picture := s.uploads("a.png", "look: "+planted, b.Bytes())
	if e := r.wants("message"); strings.Contains(e.data, planted) || !strings.Contains(e.data, `"width":2`) || !strings.Contains(e.data, masked) {
		t.Errorf("a picture was told as %s", e.data)
	}
	markup := s.uploads("a.png", "", []byte("<html><script>alert(1)</script>"))
	for _, c := range []struct {
		id, kind, saved string
		body            []byte
		status          int
	}{
		{picture.ID, "image/png", "", b.Bytes(), http.StatusOK},
		{markup.ID, "application/octet-stream", "attachment", markup.Bytes(), http.StatusOK},
		{"F0ELSE", "text/plain; charset=utf-8", "", nil, http.StatusNotFound},
	} {
		res, err := http.Get(s.url + "/page/files/" + c.id)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != c.status || res.Header.Get("Content-Type") != c.kind || res.Header.Get("Content-Disposition") != c.saved {
			t.Errorf("%s: %s %v", c.id, res.Status, res.Header)
		}
		if c.body == nil {
			continue
		}
		h := res.Header
		if !bytes.Equal(body, c.body) || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %d bytes with %v", c.id, len(body), h)
		}
	}
}
