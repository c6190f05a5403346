package sandbox

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/scan"
)

// answer is what the control port says, to the end or, of the stream, until it
// has shown everything once.
func (r *robot) answer(method, path, body string) []byte {
	r.Helper()
	q, err := http.NewRequestWithContext(r.Context(), method, r.e.Control+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusBadRequest {
		r.Fatalf("%s %s: %s", method, path, res.Status)
	}
	if path != "/page/stream" {
		all, err := io.ReadAll(res.Body)
		if err != nil {
			r.Fatal(err)
		}
		return all
	}
	var told bytes.Buffer
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() && !(strings.Contains(told.String(), "event: picture") && strings.Contains(told.String(), "event: world") && strings.Contains(told.String(), "event: pulse")) {
		told.WriteString(lines.Text() + "\n")
	}
	return told.Bytes()
}

// TestPageNeverGetsASecretValue plays a rotation and searches everything the
// control port answers for everything that was ever issued.
func TestPageNeverGetsASecretValue(t *testing.T) {
	r := newRobot(t, Options{Visits: 100})
	id, value := r.create("rk_sandbox_all_1")
	r.write(Staging, value, map[string]string{"key": "rotated-by", "value": "rekey"})
	r.deploy(Staging, "first")
	r.delete(r.w.OldKey())
	ts := r.post("A message with <@" + Requester + ">.")

	asked := map[string][]byte{}
	for _, q := range [][2]string{
		{"GET", "/"}, {"GET", "/state"}, {"GET", "/page/stream"},
		{"POST", "/people/command"}, {"POST", "/people/react"}, {"POST", "/people/unreact"}, {"POST", "/people/click"}, {"POST", "/people/say"},
		{"POST", "/people/submit"}, {"POST", "/people/dismiss"},
		{"POST", "/deploy"}, {"POST", "/vault"}, {"POST", "/faults"}, {"DELETE", "/faults/fal/500"},
	} {
		body := `{"user":"` + Requester + `","ts":"` + ts + `","emoji":"eyes","text":"hello","command":"/rotate","environment":"staging","name":"OTHER","value":"a-value-somebody-typed","service":"fal","kind":"500"}`
		asked[q[0]+" "+q[1]] = r.answer(q[0], q[1], body)
	}
	files, err := fs.Glob(os.DirFS("page/assets"), "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		asked[f] = r.answer("GET", "/page/"+f, "")
	}
	s := scan.New(append(r.w.Issued(), scan.Secret{Name: "typed", Value: "a-value-somebody-typed"})...)
	for where, text := range asked {
		for _, hit := range s.Bytes(where, text) {
			t.Errorf("the page got a secret: %v", hit)
		}
	}
	stream := string(asked["GET /page/stream"])
	for _, shown := range []string{`"id":"` + id + `","alias":"rk_sandbox_all_1","scope":"API","live":true`, `"key":"` + id + `"`, `"notes":[{"key":"rotated-by"`, `"phase":"succeeded"`, `"number":2`, `"name":"gil"`} {
		if !strings.Contains(stream, shown) {
			t.Errorf("the page does not show %s", shown)
		}
	}
}

// TestPageMasksWhatOthersLetSlip: a value in a message, in metadata and in a
// key's name, where it has no business to be.
func TestPageMasksWhatOthersLetSlip(t *testing.T) {
	r := newRobot(t, Options{Visits: 100})
	e, _ := r.w.Infisical.Read(r.w.Place(Staging), app.FalKey)
	r.post("the key is " + e.Value)
	_, value := r.create("for " + e.Value)
	r.write(Staging, value, map[string]string{"key": "old", "value": e.Value})
	stream := r.answer("GET", "/page/stream", "")
	for _, hit := range scan.New(r.w.Issued()...).Bytes("the stream", stream) {
		t.Errorf("not masked: %v", hit)
	}
	if n := bytes.Count(stream, []byte("masked by this page")); n < 3 {
		t.Errorf("%d values were masked, not all three", n)
	}
}
