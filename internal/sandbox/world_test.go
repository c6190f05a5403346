package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox/app"
)

// robot does over HTTP what a bot would, with nothing but addresses and tokens.
type robot struct {
	*testing.T
	w     *World
	e     Endpoints
	c     Credentials
	vault string // access token
}

func newRobot(t *testing.T, o Options) *robot {
	o.Speed = 20
	w, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return &robot{T: t, w: w, e: w.Endpoints(), c: w.Credentials()}
}

// send makes a request; header is name, value, name, value. It fails the test
// unless the answer has the status.
func (r *robot) send(want int, method, address string, body any, header ...string) map[string]any {
	r.Helper()
	var text []byte
	switch b := body.(type) {
	case string:
		text = []byte(b)
	case nil:
	default:
		text, _ = json.Marshal(b) // maps of strings always have a JSON form
	}
	req, err := http.NewRequestWithContext(r.Context(), method, address, bytes.NewReader(text))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		r.Fatalf("%s %s = %d %v, want %d", method, req.URL.Path, res.StatusCode, err, want)
	}
	m := map[string]any{}
	_ = json.Unmarshal(data, &m) // 204 has no body
	return m
}

func (r *robot) create(alias string) (id, value string) {
	r.Helper()
	m := r.send(201, "POST", r.e.Fal+"/v1/keys", map[string]string{"alias": alias}, "Authorization", "Key "+r.c.FalAdmin)
	return as[string](m["key_id"]), as[string](m["key"])
}

func (r *robot) delete(id string) {
	r.Helper()
	r.send(204, "DELETE", r.e.Fal+"/v1/keys/"+id, nil, "Authorization", "Key "+r.c.FalAdmin)
}

func (r *robot) write(slug, value string, note map[string]string) {
	r.Helper()
	if r.vault == "" {
		m := r.send(200, "POST", r.e.Infisical+"/api/v1/auth/universal-auth/login",
			map[string]string{"clientId": r.c.InfisicalID, "clientSecret": r.c.InfisicalSecret})
		r.vault = as[string](m["accessToken"])
	}
	r.send(200, "PATCH", r.e.Infisical+"/api/v4/secrets/"+app.FalKey, map[string]any{
		"projectId": r.w.Project(), "environment": slug, "secretPath": "/", "secretValue": value,
		"secretMetadata": []map[string]string{note},
	}, "Authorization", "Bearer "+r.vault)
}

func (r *robot) deploy(environment, id string) {
	r.Helper()
	body := fmt.Sprintf(`{"id":%q,"environment":%q,"reason":"rotation","secrets":["FAL_KEY"],"requested_by":"ann","attempt":1}`, id, environment)
	at := time.Now().Unix()
	h := hmac.New(sha256.New, []byte(r.c.Deploy))
	_, _ = fmt.Fprintf(h, "%d.%s", at, body)
	m := r.send(202, "POST", r.e.Deploy, body, "Idempotency-Key", id,
		"X-Signature", fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(h.Sum(nil))))
	d, err := r.w.Target.Wait(r.Context(), as[string](m["deployment"]))
	if err != nil || d.Phase != app.Succeeded {
		r.Fatalf("deployment: %+v, %v", d, err)
	}
	if got := r.send(200, "GET", as[string](m["status_url"]), nil); got["status"] != "succeeded" {
		r.Errorf("status = %v", got)
	}
}

func (r *robot) post(text string) (ts string) {
	r.Helper()
	m := r.send(200, "POST", r.e.Slack+"chat.postMessage", map[string]string{"channel": Channel, "text": text}, "Authorization", "Bearer "+r.c.SlackBot)
	if m["ok"] != true {
		r.Fatalf("posting: %v", m)
	}
	return as[string](m["ts"])
}

func (r *robot) leaks(outputs ...Output) []string {
	r.Helper()
	hits, err := r.w.Leaks(r.Context(), outputs...)
	if err != nil {
		r.Fatal(err)
	}
	var all []string
	for _, h := range hits {
		all = append(all, h.String())
	}
	return all
}

// A rotation made right: every write is seen in order and at the right moment,
// no visitor notices, nothing leaks.
func TestRotationMadeRight(t *testing.T) {
	r := newRobot(t, Options{Visits: 100})
	var seen []Kind
	r.w.OnWrite(func(w Write) { seen = append(seen, w.Kind) })

	id, value := r.create("rk_demo_all_1_1")
	r.write(Staging, value, map[string]string{"key": "rotated-by", "value": "rekey"})
	r.deploy(Staging, "d1")
	r.write(ProductionSlug, value, map[string]string{"key": "rotated-by", "value": "rekey"})
	r.deploy(Production, "d2")
	r.post("started") // no card
	r.post("May the old FAL_KEY end? React ✅ to end the old key, ❌ to keep it.")
	r.delete(r.w.OldKey())
	r.w.Rest()

	if !slices.Equal(seen, Kinds()) {
		t.Errorf("writes = %v, want %v", seen, Kinds())
	}
	if got := r.w.Report(); got.Failed != 0 || got.Gap != 0 || got.Requests < 20 {
		t.Errorf("visitors saw %+v", got)
	}
	s := r.w.State()
	for _, i := range s.Instances {
		if i.KeyID != id {
			t.Errorf("instance %+v, want key %s", i, id)
		}
	}
	if len(s.Instances) != 4 || s.Vault[Staging] != 2 || s.Vault[Production] != 2 {
		t.Errorf("state = %+v", s)
	}
	if got := r.leaks(Output{"the bot's output", strings.NewReader("rotated to key " + id)}); len(got) != 0 {
		t.Errorf("leaks = %v", got)
	}
}

// The hook runs when the effect is there and the answer is not.
func TestHookIsBetweenEffectAndAnswer(t *testing.T) {
	r := newRobot(t, Options{Visits: -1})
	entered, release := make(chan int), make(chan struct{})
	r.w.OnWrite(func(Write) {
		entered <- len(r.w.Fal.Keys())
		<-release
	})
	before := len(r.w.Fal.Keys())
	answered := make(chan struct{})
	go func() {
		r.create("rk")
		close(answered)
	}()
	if during := <-entered; during != before+1 {
		t.Errorf("keys during the hook = %d, want %d", during, before+1)
	}
	select {
	case <-answered:
		t.Error("answered before the hook returned")
	default:
	}
	close(release)
	<-answered
}

// What the demo plants must be found.
func TestDetectorsBite(t *testing.T) {
	t.Run("early revoke", func(t *testing.T) {
		r := newRobot(t, Options{Visits: 200})
		r.delete(r.w.OldKey())
		for r.w.Visitors(Production).Failed == 0 && t.Context().Err() == nil {
			r.send(200, "GET", r.e.Control+"/state", nil) // paces the loop; visitors come meanwhile
		}
		r.w.Rest()
		if got := r.w.Report(); got.Failed == 0 || got.Gap <= 0 {
			t.Errorf("visitors saw %+v", got)
		}
		if got := r.w.Report().Secrets; got[app.FalKey].Failed == 0 || got[app.FalKey].First.IsZero() || got[app.AnthropicKey].Failed > 0 || got[app.AnthropicKey].Requests == 0 {
			t.Errorf("by secret, visitors saw %+v", got)
		}
		q := url.Values{"query": {`sum(count_over_time({app="shop",env="production"} |= "fal: 401" [5m]))`}}
		m := r.send(200, "GET", r.e.Loki+"/loki/api/v1/query?"+q.Encode(), nil)
		if len(as[[]any](as[map[string]any](m["data"])["result"])) == 0 {
			t.Error("no line about the refused key")
		}
	})
	t.Run("leaks", func(t *testing.T) {
		r := newRobot(t, Options{Visits: -1})
		_, value := r.create("rk")
		_, secret, _ := strings.Cut(value, ":")
		half := secret[len(secret)/2:]
		if got := r.leaks(); len(got) != 0 {
			t.Fatalf("leaks before any = %v", got)
		}
		r.post("oops " + hex.EncodeToString([]byte(half)))
		if err := r.w.mini.Set("k", half); err != nil {
			t.Fatal(err)
		}
		r.write(Staging, value, map[string]string{"key": "was", "value": half})
		var found []string
		for _, h := range r.leaks(Output{"stderr", strings.NewReader("token " + r.c.SlackBot)}) {
			_, where, _ := strings.Cut(h, " in ")
			found = append(found, strings.Join(strings.Fields(where)[:2], " "))
		}
		want := []string{"Redis key", "request 1", "the metadata", "stderr at"}
		if !slices.Equal(found, want) {
			t.Errorf("found in %q, want %q", found, want)
		}
	})
}

func TestEmbeddedRedisExpires(t *testing.T) {
	r := newRobot(t, Options{Visits: -1})
	if err := r.w.mini.Set("lease", "x"); err != nil {
		t.Fatal(err)
	}
	r.w.mini.SetTTL("lease", 10*time.Millisecond)
	for r.w.mini.Exists("lease") {
		if t.Context().Err() != nil {
			t.Fatal("the key never expired")
		}
		r.send(200, "GET", r.e.Control+"/state", nil)
	}
}

func TestControl(t *testing.T) {
	r := newRobot(t, Options{Visits: -1})
	c := r.e.Control
	ts := r.post("hello")
	r.send(200, "POST", c+"/people/react", map[string]string{"user": Approver, "ts": ts, "emoji": "white_check_mark"})
	if m, _ := r.w.Slack.Message(Channel, ts); !m.Reacted(Approver, "white_check_mark") {
		t.Error("no reaction")
	}
	r.send(200, "POST", c+"/people/unreact", map[string]string{"user": Approver, "ts": ts, "emoji": "white_check_mark"})
	r.send(400, "POST", c+"/people/react", map[string]string{"user": "U0NOBODY", "ts": ts, "emoji": "x"})
	r.send(200, "POST", c+"/people/say", map[string]string{"user": Colleague, "text": "what is this?"})
	if m := r.send(200, "POST", c+"/vault", map[string]string{"environment": Production, "name": app.FalKey, "value": "by-hand"}); m["version"] != 2.0 {
		t.Errorf("someone else's write = %v", m)
	}
	m := r.send(200, "POST", c+"/deploy", map[string]string{"environment": Production})
	if _, err := r.w.Target.Wait(t.Context(), as[string](m["deployment"])); err != nil {
		t.Error(err)
	}
	if n := len(r.w.Writes()); n != 0 {
		t.Errorf("what people did counts as %d writes of the bot", n)
	}

	r.send(400, "POST", c+"/faults", FaultOrder{Service: "moon", Kind: "500"})
	r.send(400, "POST", c+"/faults", FaultOrder{Service: "fal", Kind: "flood"})
	r.send(200, "POST", c+"/faults", FaultOrder{Service: "fal", Kind: "500", Method: "POST", Path: "/v1/keys"})
	r.send(500, "POST", r.e.Fal+"/v1/keys", map[string]string{"alias": "x"}, "Authorization", "Key "+r.c.FalAdmin)
	if m := r.send(200, "DELETE", c+"/faults/fal/500", nil); m["fired"] != 1.0 {
		t.Errorf("cleared fault = %v, want one firing", m)
	}
	r.create("x")

	state, err := json.Marshal(r.send(200, "GET", c+"/state", nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.w.Issued() {
		if bytes.Contains(state, []byte(s.Value)) {
			t.Errorf("the state shows %s", s.Name)
		}
	}
}

// TestConsoles: a person makes a key at a console, pastes it, and ends one; the
// page is told names and ids, never a value.
func TestConsoles(t *testing.T) {
	r := newRobot(t, Options{Visits: 100})
	c := r.e.Control
	keys := []ConsoleKey{{ID: "k1", Name: "shop", Value: "value-of-the-first-key", Live: true}}
	r.w.AddConsole(Console{
		Secret: "OTHER_KEY", Variable: "OTHER_KEY", First: []string{"k1"},
		Keys: func() []ConsoleKey { return keys },
		Make: func(environment, name string) (string, map[string]string) {
			keys = append(keys, ConsoleKey{ID: "k2", Name: name, Value: "value-of-the-second-key", Live: true})
			return "k2", map[string]string{"OTHER_KEY": "value-of-the-second-key"}
		},
		End: func(id string) { keys[0].Live = false },
	})
	r.w.AddConsole(Console{Secret: "MADE_BY_API", Keys: func() []ConsoleKey { return nil }})
	r.send(400, "POST", c+"/inbox", map[string]string{"environment": Staging})
	for _, wrong := range []map[string]string{
		{"secret": "NOBODYS", "environment": Staging, "name": "x"}, {"secret": "MADE_BY_API", "environment": Staging, "name": "x"}, {"secret": "OTHER_KEY", "environment": "moon", "name": "x"},
	} {
		r.send(400, "POST", c+"/console/make", wrong)
	}
	if m := r.send(200, "POST", c+"/console/make", map[string]string{"secret": "OTHER_KEY", "environment": Staging, "name": "rk_1"}); m["id"] != "k2" {
		t.Errorf("made %v", m)
	}
	r.send(200, "POST", c+"/inbox", map[string]string{"environment": Staging})
	if e, there := r.w.Infisical.Read(r.w.Inbox(Staging), "OTHER_KEY"); !there || e.Value != "value-of-the-second-key" {
		t.Errorf("the inbox holds %+v", e)
	}
	r.send(400, "POST", c+"/console/end", map[string]string{"secret": "OTHER_KEY", "id": "k3"})
	r.send(200, "POST", c+"/console/end", map[string]string{"secret": "OTHER_KEY", "id": "k1"})
	stream := string(r.answer("GET", "/page/stream", ""))
	for _, shown := range []string{`"secret":"OTHER_KEY","make":true`, `{"id":"k1","name":"shop","live":false,"first":true,"users":0}`, `{"id":"k2","name":"rk_1","live":true`, `"names":["OTHER_KEY"]`} {
		if !strings.Contains(stream, shown) {
			t.Errorf("the page does not show %s", shown)
		}
	}
	if strings.Contains(stream, "value-of-the") {
		t.Error("the page got a value")
	}
}

func TestWorldEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	w.Close()
	w.Close()
	if res, err := http.Get(w.Endpoints().Fal + "/v1/models"); err == nil {
		_ = res.Body.Close()
		t.Error("a closed world answers")
	}
}

func TestCheckEnvironment(t *testing.T) {
	for v, ok := range map[string]bool{
		"PATH=/bin": true, "SLACK_BOT_TOKEN=xoxb-1-abcdef": true,
		"SLACK_BOT_TOKEN=xoxb-123456789012-1234567890123-AbCdEf":  false,
		"SLACK_APP_TOKEN=xapp-1-A0123456789-1234567890123-abcdef": false,
	} {
		err := CheckEnvironment([]string{"HOME=/root", v})
		if (err == nil) != ok {
			t.Errorf("%.20s: %v", v, err)
		}
		if _, value, _ := strings.Cut(v, "="); err != nil && strings.Contains(err.Error(), value) {
			t.Error("the refusal quotes the token")
		}
	}
}

// as is v if it has the type, else the type's zero value.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}
