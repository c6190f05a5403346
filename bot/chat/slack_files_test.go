package chat

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// file is one that was announced to the fake Slack, with its bytes once they
// are there.
type file struct {
	id, name, title, alt string
	length               int
	body                 []byte
}

// onFiles answers the methods of an upload.
func (s *fakeSlack) onFiles(method string, form map[string]string) map[string]any {
	if method == "files.getUploadURLExternal" {
		f := &file{id: fmt.Sprintf("F%d", len(s.files)+1), name: form["filename"], alt: form["alt_txt"]}
		f.length, _ = strconv.Atoi(form["length"])
		s.files = append(s.files, f)
		return map[string]any{"ok": true, "file_id": f.id, "upload_url": "https://slack.test/upload/" + f.id}
	}
	var named []struct{ ID, Title string }
	_ = json.Unmarshal([]byte(form["files"]), &named)
	for _, f := range s.files {
		if len(named) == 1 && f.id == named[0].ID && f.body != nil {
			s.clock++
			f.title = named[0].Title
			s.messages = append(s.messages, &message{ts: fmt.Sprintf("1700000000.%06d", s.clock), channel: form["channel_id"], thread: form["thread_ts"], text: form["initial_comment"], file: f})
			return map[string]any{"ok": true, "files": []map[string]any{{"id": f.id, "title": f.title}}}
		}
	}
	return no("file_not_found")
}

// takeBytes takes the bytes of an announced file.
func (s *fakeSlack) takeBytes(w http.ResponseWriter, r *http.Request) {
	part, _, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, _ := io.ReadAll(part)
	if f, ok := s.spoiled("upload"); ok {
		w.WriteHeader(max(f.status, http.StatusBadGateway))
		return
	}
	for _, f := range s.files {
		if f.id == strings.TrimPrefix(r.URL.Path, "/upload/") && len(body) == f.length {
			f.body = body
			return
		}
	}
	http.Error(w, "no such file", http.StatusBadRequest)
}

// pictures are the messages that carry a file.
func (s *fakeSlack) pictures() []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []message
	for _, m := range s.messages {
		if m.file != nil {
			found = append(found, *m)
		}
	}
	return found
}
