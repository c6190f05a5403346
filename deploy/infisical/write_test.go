package infisical_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

const (
	oldValue = "does-not-concern-us"
	newValue = "the-new-value-of-UNRELATED"
)

// writeOne replaces UNRELATED in staging.
func writeOne(ctx context.Context, t *testing.T, b *bench) (deploy.Entry, error) {
	t.Helper()
	var id string
	b.set(func() { id = b.folders[staging]["UNRELATED"].id })
	_, at := b.current(staging, "UNRELATED")
	got, err := b.vault.Write(ctx, "staging", []deploy.Assignment{{
		Name: "UNRELATED", Value: secret.New(newValue), From: at, ID: id, Note: deploy.Note{"rotation": "r-1"},
	}})
	return got["UNRELATED"], err
}

type injection func(w http.ResponseWriter, r *http.Request, next http.Handler)

// onPatch disturbs updates only.
func onPatch(f injection) injection {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPatch {
			f(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// instead answers without doing anything.
func instead(status int, body string) injection {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// behind does what was asked and answers something else.
func behind(status int, body string) injection {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		instead(status, body)(w, r, next)
	}
}

// cutOff closes the connection without an answer, after doing what was asked
// or without.
func cutOff(do bool) injection {
	return func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		if do {
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}
}

func TestWhatBecomesOfAWrite(t *testing.T) {
	const page = "<html><body>Sign in to continue</body></html>"
	for what, c := range map[string]struct {
		fault  injection
		reason fault.Reason // empty: done
		class  fault.Class
		stored string
		surely bool // that nothing was written, and nothing is kept
	}{
		"an HTML page and nothing written":     {instead(200, page), fault.NotWritten, fault.Lost, oldValue, false},
		"an HTML page and written":             {behind(200, page), "", 0, newValue, false},
		"JSON without a secret":                {instead(200, `{"ok":true}`), fault.NotWritten, fault.Lost, oldValue, false},
		"an empty secret":                      {instead(200, `{"secret":{}}`), fault.NotWritten, fault.Lost, oldValue, false},
		"an echo of a write that was not":      {instead(200, `{"secret":{"id":"x","version":2,"secretKey":"UNRELATED"}}`), fault.NotWritten, fault.Lost, oldValue, false},
		"500 and nothing written":              {instead(500, `{}`), fault.ServerError, fault.Lost, oldValue, false},
		"500 and written":                      {behind(500, `{}`), "", 0, newValue, false},
		"504 page of a gateway":                {instead(504, page), fault.ServerError, fault.Lost, oldValue, false},
		"cut off before anything was done":     {cutOff(false), fault.Unreachable, fault.Lost, oldValue, false},
		"cut off after it was done":            {cutOff(true), "", 0, newValue, false},
		"an answer of more bytes than we read": {instead(200, strings.Repeat(" ", 9<<20)), fault.NotWritten, fault.Lost, oldValue, false},
		"403 page of a proxy":                  {instead(403, page), fault.NotWritten, fault.Lost, oldValue, false},
		"429":                                  {instead(429, `{}`), fault.RateLimited, fault.Again, oldValue, true},
		"422":                                  {instead(422, `{"reqId":"r-1","message":[{"path":["x"]}],"error":"ValidationFailure"}`), fault.Invalid, fault.Never, oldValue, true},
		"400":                                  {instead(400, `{"reqId":"r-1","message":"no","error":"BadRequest"}`), fault.Invalid, fault.Never, oldValue, true},
		"401":                                  {instead(401, `{"reqId":"r-1","message":"no","error":"UnauthorizedError"}`), fault.Unauthorized, fault.Ask, oldValue, true},
		"an expired token":                     {instead(403, `{"reqId":"r-1","message":"x","error":"TokenError"}`), fault.NotWritten, fault.Again, oldValue, true},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			b.inject(onPatch(c.fault))
			got, err := writeOne(t.Context(), t, b)
			switch f := fault.Of(err); {
			case c.reason == "" && (err != nil || got.Version != 2 || !got.Value.Equal(secret.New(newValue))):
				t.Errorf("got version %d and %v, want it done", got.Version, err)
			case c.reason != "" && (f == nil || f.Reason != c.reason || f.Class != c.class):
				t.Errorf("got %v (%v), want %s (%s)", err, f, c.reason, c.class)
			}
			if deploy.IsUnwritten(err) != c.surely {
				t.Errorf("%v: unwritten is %t, want %t", err, !c.surely, c.surely)
			}
			if value, _ := b.current(staging, "UNRELATED"); value != c.stored {
				t.Errorf("the server holds the wrong value")
			}
			if n := b.count("PATCH"); n != 1 {
				t.Errorf("%d PATCH requests, want exactly one", n)
			}
			secrettest.NoLeak(t, []secret.Value{secret.New(newValue), secret.New(clientSecret)}, got, err, b.heard.String())
		})
	}
}

func TestWriteHeldForApproval(t *testing.T) {
	b := newBench(t)
	b.held[staging] = true
	_, err := writeOne(t.Context(), t, b)
	f := fault.Of(err)
	if f == nil || deploy.IsUnwritten(err) || f.Reason != fault.HeldForApproval || f.Class != fault.Ask || !strings.Contains(f.Detail, "blue-river-42 (9f3b2c1d-") {
		t.Fatalf("got %v, want held for approval with slug and id", err)
	}
	if got, _ := b.vault.Read(t.Context(), "staging", []string{"UNRELATED"}); got["UNRELATED"].Version != 1 {
		t.Error("the held write shows already")
	}
	b.merge()
	got, err := b.vault.Read(t.Context(), "staging", []string{"UNRELATED"})
	if err != nil || got["UNRELATED"].Version != 2 || !got["UNRELATED"].Value.Equal(secret.New(newValue)) {
		t.Errorf("after the merge: version %d, %v", got["UNRELATED"].Version, err)
	}
}

func TestBatchHeldForApproval(t *testing.T) {
	b := newBench(t)
	b.held[production] = true
	_, err := b.vault.Write(t.Context(), "production", b.pair(t))
	if !fault.Is(err, fault.HeldForApproval) {
		t.Errorf("got %v, want held for approval", err)
	}
}

// pair replaces both parts of the R2 key in production.
func (b *bench) pair(t *testing.T) []deploy.Assignment {
	t.Helper()
	names := []string{"R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"}
	now, err := b.vault.Read(t.Context(), "production", names)
	if err != nil {
		t.Fatal(err)
	}
	var all []deploy.Assignment
	for _, name := range names {
		all = append(all, deploy.Assignment{Name: name, Value: secret.New("the-new-value-of-" + name), From: now[name].Version, ID: now[name].ID})
	}
	return all
}

func TestWriteWithoutTheRight(t *testing.T) {
	b := newBench(t)
	b.readOnly = true
	_, err := writeOne(t.Context(), t, b)
	if f := fault.Of(err); f == nil || f.Reason != fault.Forbidden || f.Class != fault.Ask || !strings.Contains(f.Detail, "request req-0123456789") {
		t.Errorf("got %v, want forbidden with the request id", err)
	}
}

// The last writer wins on the server, so it is for us to see that there were two.
func TestSomebodyElseWritesInBetween(t *testing.T) {
	for what, f := range map[string]func(b *bench) injection{
		"just before ours": func(b *bench) injection {
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				b.put(staging, "UNRELATED", "somebody-elses-value")
				next.ServeHTTP(w, r)
			}
		},
		"just after ours": func(b *bench) injection {
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				next.ServeHTTP(w, r)
				b.put(staging, "UNRELATED", "somebody-elses-value")
			}
		},
		"in the place of ours, which was lost": func(b *bench) injection {
			return func(_ http.ResponseWriter, _ *http.Request, _ http.Handler) {
				b.put(staging, "UNRELATED", "somebody-elses-value")
				panic(http.ErrAbortHandler)
			}
		},
		"by deleting and making anew": func(b *bench) injection {
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				next.ServeHTTP(w, r)
				b.set(func() { b.folders[staging]["UNRELATED"].id = "another-entry" })
			}
		},
		"by adding a name": func(b *bench) injection {
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				next.ServeHTTP(w, r)
				b.put(staging, "UNRELATED_COPY", "somebody-elses-value")
			}
		},
		"by removing a name": func(b *bench) injection {
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				next.ServeHTTP(w, r)
				b.set(func() { delete(b.folders[staging], "R2_ACCESS_KEY_ID") })
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			b.inject(onPatch(f(b)))
			// Ours was sent: it is there, or was.
			if _, err := writeOne(t.Context(), t, b); !fault.Is(err, fault.ChangedByOther) || fault.Of(err).Class != fault.Ask || deploy.IsUnwritten(err) {
				t.Errorf("got %v, want changed by other", err)
			}
		})
	}
}

// The server echoes what was sent: an answer that looks right proves nothing.
func TestReadBackIsBelievedNotTheAnswer(t *testing.T) {
	b := newBench(t)
	b.inject(onPatch(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		b.set(func() { b.folders[staging]["UNRELATED"].versions[1].value = oldValue })
	}))
	if _, err := writeOne(t.Context(), t, b); !fault.Is(err, fault.NotWritten) || deploy.IsUnwritten(err) {
		t.Errorf("got %v, want not written, and not for certain", err)
	}
}

func TestReadBackThatFailsIsALostWrite(t *testing.T) {
	for what, f := range map[string]injection{
		"500":           instead(500, `{}`),
		"an HTML page":  instead(200, "<html></html>"),
		"404":           instead(404, `{"error":"NotFound"}`),
		"cut off":       cutOff(false),
		"another error": instead(418, ""),
	} {
		b := newBench(t)
		b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasPrefix(r.URL.Path, "/api/v3/") {
				f(w, r, next)
				return
			}
			next.ServeHTTP(w, r)
		})
		if _, err := writeOne(t.Context(), t, b); fault.Of(err) == nil || fault.Of(err).Class != fault.Lost || deploy.IsUnwritten(err) {
			t.Errorf("%s: got %v, want lost", what, err)
		}
	}
}

func TestWriteRefusesWhatIsNotOurs(t *testing.T) {
	b := newBench(t)
	b.put(staging, "UNRELATED", "https://x/?k=${R2_ACCESS_KEY_ID}")
	if _, err := writeOne(t.Context(), t, b); !fault.Is(err, fault.Managed) || !deploy.IsUnwritten(err) {
		t.Errorf("got %v, want managed and unwritten", err)
	}
	if n := b.count("PATCH"); n != 0 {
		t.Errorf("%d PATCH requests", n)
	}
}

func TestMetadataOfOthersSurvives(t *testing.T) {
	b := newBench(t)
	b.set(func() {
		b.folders[staging]["UNRELATED"].metadata = []any{
			map[string]any{"key": "owner", "value": "media", "isEncrypted": true},
			map[string]any{"key": "rotation", "value": "r-0", "isEncrypted": false},
		}
	})
	got, err := writeOne(t.Context(), t, b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Metadata["owner"] != "media" || got.Metadata["rotation"] != "r-1" || len(got.Metadata) != 2 {
		t.Errorf("metadata is %v", got.Metadata)
	}
	b.set(func() {
		if first := b.folders[staging]["UNRELATED"].metadata[0].(map[string]any); first["isEncrypted"] != true {
			t.Error("the other entry is no longer encrypted")
		}
	})
}

// A server that drops the note has kept the value: that is said, and done.
func TestANoteThatIsDropped(t *testing.T) {
	b := newBench(t)
	b.inject(onPatch(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		b.set(func() { b.folders[staging]["UNRELATED"].metadata = []any{} })
	}))
	if _, err := writeOne(t.Context(), t, b); err != nil {
		t.Error(err)
	}
	if !strings.Contains(b.heard.String(), "note not kept by the server") {
		t.Error("nothing was said")
	}
}

func TestSeveralNamesAreOneRequest(t *testing.T) {
	b := newBench(t)
	if _, err := b.vault.Write(t.Context(), "production", b.pair(t)); err != nil {
		t.Fatal(err)
	}
	if all, batch := b.count("PATCH"), b.count("PATCH /api/v4/secrets/batch"); all != 1 || batch != 1 {
		t.Errorf("%d updates, %d of them batches", all, batch)
	}
}

// A batch that was carried out in part is for a person, whatever its answer.
func TestHalfABatchIsNotDone(t *testing.T) {
	b := newBench(t)
	b.inject(onPatch(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		b.put(production, "R2_ACCESS_KEY_ID", "the-new-value-of-R2_ACCESS_KEY_ID")
		instead(403, `{"error":"TokenError"}`)(w, nil, nil)
	}))
	_, err := b.vault.Write(t.Context(), "production", b.pair(t))
	if f := fault.Of(err); f == nil || f.Reason != fault.NotWritten || f.Class != fault.Ask || deploy.IsUnwritten(err) {
		t.Errorf("got %v, want not written, ask", err)
	}
}

// swallow does what was asked by prefix ("METHOD path"), calls then and keeps the answer.
func swallow(prefix string, then func(), release <-chan struct{}) injection {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !strings.HasPrefix(r.Method+" "+r.URL.Path, prefix) {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(httptest.NewRecorder(), r)
		then()
		<-release
	}
}
