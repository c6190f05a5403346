package r2_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox/r2"
)

// desk is a server with one who asks it.
type desk struct {
	*testing.T
	*r2.Server
	url   string
	admin r2.Token
}

func open(t *testing.T, o r2.Options) desk {
	t.Helper()
	s := r2.New(o, "media")
	h := httptest.NewServer(s.Handler())
	t.Cleanup(h.Close)
	return desk{t, s, h.URL, s.Seed(r2.Token{Name: "admin", Policies: r2.Administers()}, time.Now())}
}

const account = "/client/v4/accounts/" + r2.Account

// ask makes one request of the API and returns status and result.
func (d desk) ask(value, call, body string) (int, any) {
	d.Helper()
	method, path, _ := strings.Cut(call, " ")
	req, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+value)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	var out struct {
		Success bool
		Result  any
	}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || out.Success != (res.StatusCode == http.StatusOK) {
		d.Fatalf("%s: %d, %v", call, res.StatusCode, err)
	}
	return res.StatusCode, out.Result
}

// fetch asks the endpoint with a pair and returns status and body.
func (d desk) fetch(id, secret, path string, now time.Time) (int, string) {
	d.Helper()
	req, err := http.NewRequestWithContext(d.Context(), http.MethodGet, d.url+path, nil)
	if err != nil {
		d.Fatal(err)
	}
	r2.Sign(req, id, secret, now)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func order(name, bucket string) string {
	return `{"name":"` + name + `","policies":[{"effect":"allow","permission_groups":[{"id":"` + r2.ItemRead + `"}],"resources":{"` + r2.Resource(bucket) + `":"*"}}]}`
}

// TestLife: made, used, switched off and on, deleted; the value is shown once.
func TestLife(t *testing.T) {
	d := open(t, r2.Options{})
	d.Put("media", "a", "x")
	status, made := d.ask(d.admin.Value, "POST "+account+"/tokens", order("new", "media"))
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	token := d.Tokens()[1]
	if m := made.(map[string]any); m["value"] != token.Value || m["id"] != token.ID {
		t.Error("id or value is not shown")
	}
	if _, again := d.ask(d.admin.Value, "GET "+account+"/tokens/"+token.ID, ""); again.(map[string]any)["value"] != nil {
		t.Error("the value is shown twice")
	}
	if _, self := d.ask(token.Value, "GET "+account+"/tokens/verify", ""); self.(map[string]any)["id"] != token.ID {
		t.Error("it does not verify")
	}
	fetched := func(what string, want int) {
		t.Helper()
		if got, body := d.fetch(token.ID, token.Secret(), "/media/a", time.Now()); got != want {
			t.Errorf("%s: %d %s", what, got, body)
		}
	}
	fetched("new", 200)
	path := account + "/tokens/" + token.ID
	off := strings.Replace(order("new", "media"), "{", `{"status":"disabled",`, 1)
	d.ask(d.admin.Value, "PUT "+path, off)
	fetched("switched off", 401)
	d.ask(d.admin.Value, "PUT "+path, strings.Replace(off, "disabled", "active", 1))
	fetched("switched on", 200)
	for _, want := range []int{200, 404} {
		if got, _ := d.ask(d.admin.Value, "DELETE "+path, ""); got != want {
			t.Errorf("deleting: %d, want %d", got, want)
		}
	}
	fetched("deleted", 401)
	if d.Refused(token.ID) != 2 {
		t.Errorf("%d refusals", d.Refused(token.ID))
	}
}

// TestRefusals of the endpoint are told apart.
func TestRefusals(t *testing.T) {
	d := open(t, r2.Options{})
	d.Put("media", "a", "x")
	token := d.Seed(r2.Token{Name: "app", Policies: r2.Grant("media", "gone")}, time.Now())
	blind := d.Seed(r2.Token{Name: "blind", Policies: r2.Grant("medai")}, time.Now()) // taken without a word
	for name, c := range map[string]struct {
		id, secret, path string
		now              time.Time
		status           int
		code             string
	}{
		"listed":           {token.ID, token.Secret(), "/media?list-type=2&max-keys=1", time.Now(), 200, "<Key>a</Key>"},
		"the raw value":    {token.ID, token.Value, "/media/a", time.Now(), 403, "SignatureDoesNotMatch"},
		"a mixed pair":     {token.ID, blind.Secret(), "/media/a", time.Now(), 403, "SignatureDoesNotMatch"},
		"a wrong string":   {blind.ID, blind.Secret(), "/media/a", time.Now(), 403, "AccessDenied"},
		"no such bucket":   {token.ID, token.Secret(), "/gone", time.Now(), 404, "NoSuchBucket"},
		"no such key":      {token.ID, token.Secret(), "/media/b", time.Now(), 404, "NoSuchKey"},
		"nobody":           {strings.Repeat("0", 32), token.Secret(), "/media/a", time.Now(), 401, "Unauthorized"},
		"an old signature": {token.ID, token.Secret(), "/media/a", time.Now().Add(-time.Hour), 403, "RequestTimeTooSkewed"},
	} {
		if got, body := d.fetch(c.id, c.secret, c.path, c.now); got != c.status || !strings.Contains(body, c.code) {
			t.Errorf("%s: %d %s", name, got, body)
		}
	}
}

// TestSpread: the endpoint learns late.
func TestSpread(t *testing.T) {
	d := open(t, r2.Options{Spread: time.Hour})
	d.Put("media", "a", "x")
	old := d.Seed(r2.Token{Name: "app", Policies: r2.Grant("media")}, time.Now().Add(-2*time.Hour))
	young := d.Seed(r2.Token{Name: "app", Policies: r2.Grant("media")}, time.Now())
	d.End(old.ID)
	for token, want := range map[*r2.Token]int{&old: 200, &young: 401} {
		if got, _ := d.fetch(token.ID, token.Secret(), "/media/a", time.Now()); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
}

// TestWhoMay: tokens are managed by those that were given the right, and the
// account's own path verifies the account's own tokens.
func TestWhoMay(t *testing.T) {
	d := open(t, r2.Options{})
	token := d.Seed(r2.Token{Name: "app", Policies: r2.Grant("media")}, time.Now())
	person := d.Seed(r2.Token{Name: "ann's", Policies: r2.Administers(), Personal: true}, time.Now())
	for _, c := range []struct {
		who, call, body string
		want            int
	}{
		{token.Value, "GET " + account + "/tokens", "", 403},
		{"cfat_nobody", "GET " + account + "/tokens", "", 401},
		{d.admin.Value, "GET " + account + "/tokens?per_page=4", "", 400},
		{d.admin.Value, "GET " + account + "/tokens/" + person.ID, "", 404},
		{d.admin.Value, "GET /client/v4/user/tokens/verify", "", 401},
		{person.Value, "GET " + account + "/tokens/verify", "", 401},
		{d.admin.Value, "GET " + account + "/r2/buckets/media", "", 200},
		{d.admin.Value, "GET " + account + "/r2/buckets/medai", "", 404},
		{token.Value, "GET " + account + "/r2/buckets/media", "", 403},
		{d.admin.Value, "POST " + account + "/tokens", `{"name":"x"}`, 400},
		{d.admin.Value, "POST " + account + "/tokens", strings.ReplaceAll(order("x", "media"), r2.ItemRead, "unknown"), 400},
		{d.admin.Value, "POST " + account + "/tokens", order("x", "medai"), 200}, // a wrong bucket is taken
		{d.admin.Value, "GET " + account + "/tokens/permission_groups?scope=com.cloudflare.edge.r2.bucket", "", 200},
		{d.admin.Value, "PUT " + account + "/tokens/" + token.ID + "/value", `{}`, 200},
		{token.Value, "GET " + account + "/tokens/verify", "", 401}, // rolled: dead at once
	} {
		if got, _ := d.ask(c.who, c.call, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", c.call, got, c.want)
		}
	}
	if d.Rolls() != 1 {
		t.Errorf("%d rolls", d.Rolls())
	}
}

// TestRate: too many calls in a window are refused, with a time to wait.
func TestRate(t *testing.T) {
	d := open(t, r2.Options{Window: time.Hour})
	for range 1200 {
		r := httptest.NewRequest(http.MethodGet, account+"/tokens", nil)
		r.Header.Set("Authorization", "Bearer "+d.admin.Value)
		d.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
	if got, _ := d.ask(d.admin.Value, "GET "+account+"/tokens", ""); got != http.StatusTooManyRequests {
		t.Errorf("status %d", got)
	}
}
