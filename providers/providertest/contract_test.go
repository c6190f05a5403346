package providertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const described = `openapi: 3.0.3
info: {title: test, version: "1"}
paths:
  /keys:
    post:
      parameters: [{name: page, in: query, schema: {type: integer}}, {name: filter, in: query, style: deepObject, explode: true, schema: {type: object, properties: {env: {type: string}}}}]
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string}}}}}
      responses:
        "200":
          description: OK
          content: {application/json: {schema: {type: object, required: [id], properties: {id: {type: string}}}}}
`

// TestContractBites: the checker must see what is wrong, on both sides.
func TestContractBites(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "test.yaml"), []byte(described), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REKEY_OPENAPI", folder)
	for name, c := range map[string]struct {
		path, sent string
		status     int
		received   string
		faults     int
	}{
		"as documented":        {"/keys?page=2", `{"name":"a"}`, 200, `{"id":"k"}`, 0},
		"a member":             {"/keys?filter%5Benv%5D=prod", `{"name":"a"}`, 200, `{"id":"k"}`, 0},
		"a member of a number": {"/keys?page%5Bsize%5D=2", `{"name":"a"}`, 200, `{"id":"k"}`, 1},
		"no such path":         {"/locks", `{"name":"a"}`, 200, `{"id":"k"}`, 1},
		"no such parameter":    {"/keys?all=1", `{"name":"a"}`, 200, `{"id":"k"}`, 1},
		"a member missing":     {"/keys", `{}`, 200, `{"id":"k"}`, 1},
		"an answer unlike it":  {"/keys", `{"name":"a"}`, 200, `{"id":7}`, 1},
		"a status not listed":  {"/keys", `{"name":"a"}`, 418, `{"id":"k"}`, 1},
		"elsewhere, unchecked": {"", `{}`, 418, `{}`, 0},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.received)
		}))
		r := &recorder{TB: t}
		contract := NewContract(r, "test.yaml", s.URL+"/v1")
		base := s.URL + "/v1"
		if c.path == "" {
			base = s.URL + "/other"
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+c.path, strings.NewReader(c.sent))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := contract.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if len(r.failures) != c.faults {
			t.Errorf("%s: found %q, want %d", name, r.failures, c.faults)
		}
		s.Close()
	}
}
