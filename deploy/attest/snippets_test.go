package attest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"rekey/deploy/attest"
	"rekey/internal/secret"
)

// TestSnippets runs every snippet as a process of its own and asks it with
// the client that Rekey uses.
func TestSnippets(t *testing.T) {
	for _, s := range snippets {
		t.Run(s.name, func(t *testing.T) {
			command := s.build(t, filepath.Join(folder, s.file))
			holdsFresh := process(t, command, environment(key, fresh)...)
			holdsStale := process(t, command, environment(key, stale)...)
			t.Run("new value", func(t *testing.T) { snippetAgrees(t, holdsFresh) })
			t.Run("old value", func(t *testing.T) { snippetIsBehind(t, holdsStale) })
			t.Run("two instances", func(t *testing.T) { snippetsAreTwo(t, holdsFresh, holdsStale) })
			t.Run("replay", func(t *testing.T) { snippetReplayed(t, holdsFresh) })
			t.Run("no oracle", func(t *testing.T) { snippetIsSilent(t, holdsFresh) })
			t.Run("too long", func(t *testing.T) { snippetStopsReading(t, holdsFresh, s.limit) })
			for name, held := range map[string][2]secret.Value{
				"no key":    {secret.New(""), fresh},
				"short key": {secret.New("guessable"), fresh},
				"no value":  {key, secret.New("")},
			} {
				t.Run(name, func(t *testing.T) {
					q := question()
					status, _ := put(t, process(t, command, environment(held[0], held[1])...), attest.SignAsk(held[0], q), q)
					if status != http.StatusNotFound {
						t.Errorf("status %d", status)
					}
				})
			}
		})
	}
}

func snippetAgrees(t *testing.T, url string) {
	got, err := asking(t, url, 0).Attest(t.Context(), "FAL_KEY", fresh, stale)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Agreed || got.New != 6 || got.Old+got.Other != 0 || len(got.Instances) != 1 || got.Deployment != "dpl-7" {
		t.Errorf("want agreement of one instance, got %+v", got)
	}
}

func snippetIsBehind(t *testing.T, url string) {
	got, err := asking(t, url, 0).Attest(t.Context(), "FAL_KEY", fresh, stale)
	if err != nil {
		t.Fatal(err)
	}
	if got.Agreed || got.Old != 6 || got.New+got.Other != 0 {
		t.Errorf("want the old value, got %+v", got)
	}
}

// snippetsAreTwo: two processes behind one address are heard as two.
func snippetsAreTwo(t *testing.T, urls ...string) {
	var asked atomic.Int64
	balancer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		status, answer := put(t, urls[int(asked.Add(1))%len(urls)], r.Header.Get(attest.Header), string(body))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer balancer.Close()
	got, err := asking(t, balancer.URL, 2).Attest(t.Context(), "FAL_KEY", fresh, stale)
	if err != nil {
		t.Fatal(err)
	}
	if got.Agreed || len(got.Instances) != 2 || got.New == 0 || got.Old == 0 {
		t.Errorf("want two instances of which one is behind, got %+v", got)
	}
}

// snippetReplayed: a recorded question may be asked again, and earns an answer
// to that question, in which there is nothing to read; a recorded answer fits
// no other question, so it proves nothing to Rekey.
func snippetReplayed(t *testing.T, url string) {
	q := question()
	_, first := put(t, url, attest.SignAsk(key, q), q)
	status, answer := put(t, url, attest.SignAsk(key, q), q)
	if status != http.StatusOK {
		t.Fatalf("a question asked twice: status %d", status)
	}
	sum := sha256.Sum256([]byte(fresh.Reveal()))
	for _, s := range []string{fresh.Reveal(), hex.EncodeToString(sum[:]), key.Reveal()} {
		if strings.Contains(first+answer, s) {
			t.Error("an answer holds the value, its hash or the key")
		}
	}
	var a attest.Answer
	if err := json.Unmarshal([]byte(answer), &a); err != nil || a.Proof != attest.Prove(key, q, a, fresh) {
		t.Errorf("the answer does not prove its own question: %+v, %v", a, err)
	}
	recorder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	defer recorder.Close()
	got, err := asking(t, recorder.URL, 0).Attest(t.Context(), "FAL_KEY", fresh, stale)
	if err != nil || got.Agreed || got.New+got.Old != 0 || got.Other == 0 {
		t.Errorf("a recorded answer was taken for one to a new question: %+v, %v", got, err)
	}
}

// snippetStopsReading: nobody can make it hold a long body. A connection that
// it cuts is as good a refusal as its 404.
func snippetStopsReading(t *testing.T, url string, limit int) {
	if limit == 0 {
		t.Skip("the parser before it has a limit of its own")
	}
	q := question()
	for _, length := range []int{limit, 1 << 20} {
		body := fmt.Sprintf(`{"padding":%q,"name":%q,"nonce":%q,"time":%d}`, strings.Repeat("x", length), q.Name, q.Nonce, q.Time)
		if status, _, err := send(t, url, attest.SignAsk(key, q), body); err == nil && status != http.StatusNotFound {
			t.Errorf("%d bytes: status %d", len(body), status)
		}
	}
}

// snippetIsSilent: whoever is not entitled gets one and the same 404, so that
// it tells nothing apart.
func snippetIsSilent(t *testing.T, url string) {
	about := func(change func(*attest.Question)) attest.Question {
		q := question()
		change(&q)
		return q
	}
	signed := func(q attest.Question) [2]any { return [2]any{attest.SignAsk(key, q), q} }
	good := question()
	named := func(name string) [2]any { return signed(about(func(q *attest.Question) { q.Name = name })) }
	cases := map[string][2]any{
		"no signature":           {"", good},
		"another key":            {attest.SignAsk(secret.New("another key of thirty-two bytes."), good), good},
		"another version":        {strings.Replace(attest.SignAsk(key, good), "v1=", "v2=", 1), good},
		"bare digits":            {strings.TrimPrefix(attest.SignAsk(key, good), "v1="), good},
		"half a signature":       {attest.SignAsk(key, good)[:35], good},
		"signed for another one": {attest.SignAsk(key, good), about(func(q *attest.Question) { q.Nonce = strings.Repeat("f", 32) })},
		"made younger":           {attest.SignAsk(key, good), about(func(q *attest.Question) { q.Time++ })},
		"too old":                signed(about(func(q *attest.Question) { q.Time -= 90 })),
		"from the future":        signed(about(func(q *attest.Question) { q.Time += 90 })),
		"from the year 0":        signed(about(func(q *attest.Question) { q.Time = -62167219200 })),
		"not configured":         named("OTHER_KEY"),
		"the key itself":         named("REKEY_ATTEST_KEY"),
		"no name":                named(""),
		"part of a language":     named("constructor"),
		"not JSON":               {attest.SignAsk(key, good), "<html>"},
		"null":                   {attest.SignAsk(key, good), "null"},
		"nothing":                {attest.SignAsk(key, good), ""},
	}
	bodies := map[string]bool{}
	for name, c := range cases {
		status, body := put(t, url, c[0].(string), c[1])
		if status != http.StatusNotFound {
			t.Errorf("%s: status %d", name, status)
		}
		bodies[body] = true
	}
	if len(bodies) != 1 {
		t.Errorf("the refusals can be told apart: %q", slices.Sorted(maps.Keys(bodies)))
	}
	lately := about(func(q *attest.Question) { q.Time -= 20 })
	status, body := put(t, url, attest.SignAsk(key, lately), lately)
	var a attest.Answer
	if err := json.Unmarshal([]byte(body), &a); status != http.StatusOK || err != nil || a.Proof != attest.Prove(key, lately, a, fresh) {
		t.Errorf("a question of 20 seconds ago: status %d, %v", status, err)
	}
}
