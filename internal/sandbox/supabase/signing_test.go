package supabase

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// newSigningBench is a project that was moved to signing keys, with its legacy
// API keys switched off.
func newSigningBench(t *testing.T, o Options) (*bench, Signer) {
	b := newBench(t, o)
	b.token = b.s.AddToken(ReadKeys, ReadSigners, WriteSigners, ReadAuth)
	b.s.SwitchLegacy(ref, false)
	return b, b.s.Migrate(ref)
}

const kid = "0f9e8d7c-1111-4222-8333-444455556666"

func (b *bench) imports(secret string) (int, string) {
	b.Helper()
	return b.manage("POST", "/config/auth/signing-keys", fmt.Sprintf(`{"algorithm":"HS256","status":"standby","private_jwk":{"kty":"oct","kid":%q,"k":%q}}`,
		kid, base64.RawURLEncoding.EncodeToString([]byte(secret))))
}

func (b *bench) set(id, status string) (int, string) {
	b.Helper()
	return b.manage("PATCH", "/config/auth/signing-keys/"+id, `{"status":"`+status+`"}`)
}

// user asks for a table with a token.
func (b *bench) user(token string) (int, string) {
	b.Helper()
	pass := b.s.Seed(ref, Publishable, "web", time.Now().Add(-time.Hour))
	status, _, text := b.do("GET", "/"+ref+"/rest/v1/rekey_probe?limit=1", "", "apikey", pass.Value, "Authorization", "Bearer "+token)
	return status, text
}

// signIn is a session's token and the key that it names.
func (b *bench) signIn() (token, names string) {
	b.Helper()
	pass := b.s.Seed(ref, Publishable, "web", time.Now().Add(-time.Hour))
	_, _, text := b.do("POST", "/"+ref+"/auth/v1/token?grant_type=refresh_token", "{}", "apikey", pass.Value)
	var made struct {
		Token string `json:"access_token"`
	}
	var header struct{ Kid string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || !decoded(strings.Split(made.Token, ".")[0], &header) {
		b.Fatalf("signing in: %s", text)
	}
	return made.Token, header.Kid
}

func TestLifeOfASigningKey(t *testing.T) {
	b, old := newSigningBench(t, Options{})
	before, names := b.signIn()
	if names != old.ID {
		t.Errorf("signed with %s", names)
	}
	const secret = "a new secret for signing, thirty-two bytes and more"
	fresh := jwt(kid, map[string]any{"role": "authenticated", "exp": time.Now().Add(time.Minute).Unix()}, secret)
	for _, step := range []struct {
		do         func() (int, string)
		old, fresh int // answers to tokens
		names      string
	}{
		{func() (int, string) { return b.imports(secret) }, 404, 401, old.ID},
		{func() (int, string) { return b.set(kid, InUse) }, 404, 404, kid},
		{func() (int, string) { return b.set(old.ID, Standby) }, 404, 404, kid}, // once used, it stays trusted
		{func() (int, string) { return b.set(old.ID, InUse) }, 404, 404, old.ID},
		{func() (int, string) { return b.set(kid, Standby) }, 404, 404, old.ID},
		{func() (int, string) { return b.set(kid, InUse) }, 404, 404, kid},
		{func() (int, string) { return b.set(old.ID, Revoked) }, 401, 404, kid},
	} {
		if status, text := step.do(); status != http.StatusOK && status != http.StatusCreated {
			t.Fatalf("%d %s", status, text)
		}
		if status, _ := b.user(before); status != step.old {
			t.Errorf("a token of the old key: %d, want %d", status, step.old)
		}
		if status, _ := b.user(fresh); status != step.fresh {
			t.Errorf("a token of the new key: %d, want %d", status, step.fresh)
		}
		if _, names := b.signIn(); names != step.names {
			t.Errorf("signs with %s, want %s", names, step.names)
		}
	}
	if _, text := b.manage("GET", "/config/auth/signing-keys", ""); strings.Contains(text, secret) || strings.Count(text, `"id"`) != 2 {
		t.Errorf("the list: %s", text)
	}
}

func TestRulesOfSigningKeys(t *testing.T) {
	b, old := newSigningBench(t, Options{})
	for what, do := range map[string]func() (int, string){
		"revoking the key in use": func() (int, string) { return b.set(old.ID, Revoked) },
		"deleting the legacy key": func() (int, string) { return b.manage("DELETE", "/config/auth/signing-keys/"+old.ID, "") },
		"a short secret":          func() (int, string) { return b.imports("short") },
	} {
		if status, _ := do(); status != http.StatusBadRequest {
			t.Errorf("%s: %d", what, status)
		}
	}
	if status, _ := b.imports(strings.Repeat("s", 40)); status != http.StatusCreated {
		t.Fatal(status)
	}
	if status, _ := b.imports(strings.Repeat("t", 40)); status != http.StatusBadRequest {
		t.Errorf("a second standby key: %d", status)
	}
	if status, _ := b.set(kid, Revoked); status != http.StatusBadRequest {
		t.Errorf("revoking a standby key at once: %d", status)
	}
	b.set(kid, InUse)
	b.s.SwitchLegacy(ref, true)
	if status, text := b.set(old.ID, Revoked); status != http.StatusBadRequest || !strings.Contains(text, "Legacy API keys") {
		t.Errorf("revoking under legacy keys: %d %s", status, text)
	}
}

// TestThrottle: a change too soon after the last one is refused in words.
func TestThrottle(t *testing.T) {
	b, _ := newSigningBench(t, Options{Throttle: time.Hour})
	if status, text := b.imports(strings.Repeat("s", 40)); status != http.StatusCreated {
		t.Fatalf("the first change: %d %s", status, text)
	}
	status, text := b.set(kid, InUse)
	if status != http.StatusBadRequest || !strings.Contains(text, "Please wait until ") || !strings.Contains(text, " before attempting this request again.") {
		t.Errorf("the second: %d %s", status, text)
	}
	if _, names := b.signIn(); names == kid {
		t.Error("it was made all the same")
	}
}

// TestNotMoved: such a project has no signing keys, and signs with its legacy
// secret; moving it signs nobody out.
func TestNotMoved(t *testing.T) {
	b := newBench(t, Options{})
	b.token = b.s.AddToken(ReadSigners, WriteSigners)
	if status, _ := b.manage("GET", "/config/auth/signing-keys/legacy", ""); status != http.StatusNotFound {
		t.Errorf("the legacy key: %d", status)
	}
	if _, names := b.signIn(); names != "" {
		t.Errorf("a token names %s", names)
	}
	if status, _ := b.manage("POST", "/config/auth/signing-keys/legacy", ""); status != http.StatusCreated {
		t.Errorf("moving: %d", status)
	}
	if all := b.s.Signers(); len(all) != 1 || all[0].Secret != b.s.LegacySecret(ref) || all[0].Status != InUse {
		t.Errorf("keys: %+v", all)
	}
	if _, text := b.manage("GET", "/config/auth/signing-keys/legacy", ""); !strings.Contains(text, InUse) {
		t.Errorf("the legacy key: %s", text)
	}
}

func TestSigningPermissions(t *testing.T) {
	b, _ := newSigningBench(t, Options{TokenLife: 90 * time.Second})
	b.token = b.s.AddToken(ReadSigners)
	if status, text := b.imports(strings.Repeat("s", 40)); status != http.StatusForbidden || !strings.Contains(text, WriteSigners) {
		t.Errorf("%d %s", status, text)
	}
	b.token = b.s.AddToken(ReadAuth)
	if _, text := b.manage("GET", "/config/auth", ""); !strings.Contains(text, `"jwt_exp":90`) {
		t.Errorf("the life of tokens: %s", text)
	}
}

// TestUsersRequests: the key in apikey is looked at first, then the token.
func TestUsersRequests(t *testing.T) {
	b, old := newSigningBench(t, Options{})
	expired := jwt(old.ID, map[string]any{"role": "authenticated", "exp": time.Now().Add(-time.Second).Unix()}, old.Secret)
	unnamed := jwt("", map[string]any{"role": "authenticated", "exp": time.Now().Add(time.Minute).Unix()}, old.Secret)
	for what, token := range map[string]string{"expired": expired, "without a key": unnamed, "nonsense": "a.b.c"} {
		if status, text := b.user(token); status != http.StatusUnauthorized || !strings.Contains(text, "PGRST301") {
			t.Errorf("%s: %d %s", what, status, text)
		}
	}
	if status, _, text := b.do("GET", "/"+ref+"/rest/v1/rekey_probe", "", "apikey", "sb_publishable_nobody"); status != http.StatusUnauthorized || strings.Contains(text, "PGRST") {
		t.Errorf("a stranger's key: %d %s", status, text)
	}
	if _, _, text := b.do("GET", "/"+ref+"/auth/v1/.well-known/jwks.json", ""); text != "{\"keys\":[]}\n" {
		t.Errorf("public keys: %s", text)
	}
}
