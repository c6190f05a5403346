package supabase_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/supabase"
)

// fakeSigner is a signing key as the fake service knows it.
type fakeSigner struct {
	ID, Algorithm, Status string
	text                  []byte // what it signs with
	legacy, used          bool
	made                  time.Time
}

// fakeSigners are the signing keys of the projects.
type fakeSigners struct {
	keys    map[string][]*fakeSigner // by reference
	exp     map[string]any           // seconds that tokens live
	refusal func(change string) (status int, message string)
	bodies  []string // of imports
	admits  int      // tokens that were accepted
}

// signing answers what is about signing keys, and reports whether it did.
func (f *fake) signing(w http.ResponseWriter, r *http.Request, ref, what string) bool {
	id, one := strings.CutPrefix(what, "config/auth/signing-keys/")
	key, shown := strings.CutPrefix(what, "api-keys/")
	at := slices.IndexFunc(f.signers.keys[ref], func(k *fakeSigner) bool { return k.ID == id || id == "legacy" && k.legacy })
	switch {
	case r.Method == "GET" && what == "config/auth":
		answer(w, http.StatusOK, map[string]any{"jwt_exp": f.signers.exp[ref], "refresh_token_rotation_enabled": true,
			"security_refresh_token_reuse_interval": 10, "sessions_inactivity_timeout": 0, "sessions_single_per_user": false, "sessions_timebox": 0})
	case r.Method == "GET" && shown && key != "legacy":
		known := slices.IndexFunc(f.keys, func(k fakeKey) bool { return k.Ref == ref && k.ID == key })
		m := f.shown(f.keys[known])
		m["api_key"] = f.keys[known].Text
		answer(w, http.StatusOK, m)
	case r.Method == "GET" && what == "config/auth/signing-keys":
		all := []any{}
		for _, k := range f.signers.keys[ref] {
			all = append(all, k.shown())
		}
		answer(w, http.StatusOK, map[string]any{"keys": all})
	case r.Method == "POST" && what == "config/auth/signing-keys":
		f.imports(w, r, ref)
	case one && at < 0:
		refuse(w, http.StatusNotFound, "Signing key not found")
	case r.Method == "GET" && one:
		answer(w, http.StatusOK, f.signers.keys[ref][at].shown())
	case r.Method == "PATCH" && one:
		f.changes(w, r, ref, f.signers.keys[ref][at])
	default:
		return false
	}
	return true
}

func (k *fakeSigner) shown() map[string]any {
	at := k.made.Format(time.RFC3339)
	return map[string]any{"id": k.ID, "algorithm": k.Algorithm, "status": k.Status, "public_jwk": nil, "created_at": at, "updated_at": at}
}

// hindered reports a change that is refused for now.
func (f *fake) hindered(w http.ResponseWriter, change string) bool {
	if f.signers.refusal == nil {
		return false
	}
	status, message := f.signers.refusal(change)
	if status == 0 {
		return false
	}
	refuse(w, status, message)
	return true
}

func (f *fake) imports(w http.ResponseWriter, r *http.Request, ref string) {
	var body struct {
		Algorithm, Status string
		Key               struct{ Kty, K, Kid string } `json:"private_jwk"`
	}
	err := json.NewDecoder(r.Body).Decode(&body)
	text, err2 := base64.RawURLEncoding.DecodeString(body.Key.K)
	taken := slices.ContainsFunc(f.signers.keys[ref], func(k *fakeSigner) bool { return k.ID == body.Key.Kid || k.Status == "standby" })
	switch {
	case err != nil || err2 != nil || body.Key.Kty != "oct" || len(text) < 16 || body.Algorithm != "HS256" || taken:
		refuse(w, http.StatusBadRequest, "that is no key")
		return
	case f.hindered(w, "import"):
		return
	}
	f.signers.bodies = append(f.signers.bodies, body.Key.K)
	k := &fakeSigner{ID: body.Key.Kid, Algorithm: "HS256", Status: body.Status, text: text, made: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
	f.signers.keys[ref] = append(f.signers.keys[ref], k)
	f.ever = append(f.ever, secret.New(string(text)))
	answer(w, http.StatusCreated, k.shown())
}

func (f *fake) changes(w http.ResponseWriter, r *http.Request, ref string, k *fakeSigner) {
	var body struct{ Status string }
	err := json.NewDecoder(r.Body).Decode(&body)
	follows := map[string]string{"standby": "in_use previously_used", "previously_used": "standby revoked", "revoked": "standby"}[k.Status]
	switch {
	case err != nil, !slices.Contains(strings.Fields(follows), body.Status), body.Status == "revoked" && k.legacy && f.legacy[ref]:
		refuse(w, http.StatusUnprocessableEntity, "not now")
		return
	case f.hindered(w, body.Status):
		return
	}
	for _, other := range f.signers.keys[ref] {
		if body.Status == "in_use" && other.Status == "in_use" {
			other.Status = "previously_used"
		}
	}
	k.Status, k.used = body.Status, k.used || body.Status == "in_use"
	answer(w, http.StatusOK, k.shown())
}

// table is a project's REST interface, which first looks at the key in apikey,
// then at the token, and then for the table.
func (f *fake) table(w http.ResponseWriter, r *http.Request, ref string) {
	given := r.Header.Get("Apikey")
	known := slices.ContainsFunc(f.keys, func(k fakeKey) bool { return k.Ref == ref && k.Text == given && k.Type == "publishable" })
	switch {
	case f.paused[ref], browser.MatchString(r.UserAgent()), !known:
		answer(w, http.StatusUnauthorized, map[string]any{"message": "Invalid API key"})
	case !f.trusts(ref, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")):
		answer(w, http.StatusUnauthorized, map[string]any{"code": "PGRST301", "message": "JWSError JWSInvalidSignature", "details": nil, "hint": nil})
	default:
		f.signers.admits++
		answer(w, http.StatusNotFound, map[string]any{"code": "PGRST205", "message": "Could not find the table 'public.rekey_probe' in the schema cache", "details": nil, "hint": nil})
	}
}

// trusts reports whether a token is signed with a trusted key, which it names.
func (f *fake) trusts(ref, token string) bool {
	parts := strings.Split(token, ".")
	var header struct{ Alg, Kid string }
	var claims struct {
		Role, Sub string
		Exp       int64
	}
	if len(parts) != 3 || !decoded(parts[0], &header) || !decoded(parts[1], &claims) || header.Alg != "HS256" ||
		claims.Role != "authenticated" || claims.Exp < time.Now().Unix() || claims.Exp > time.Now().Add(5*time.Minute).Unix() {
		return false
	}
	for _, k := range f.signers.keys[ref] {
		mac := hmac.New(sha256.New, k.text)
		mac.Write([]byte(parts[0] + "." + parts[1]))
		if k.ID == header.Kid && (k.Status == "in_use" || k.Status == "previously_used" || k.Status == "standby" && k.used) {
			return parts[2] == base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		}
	}
	return false
}

func decoded(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

// signingWorld is the fake with two projects on signing keys, whose first is
// the legacy secret.
type signingWorld struct {
	world
	old map[string]*fakeSigner // by environment
}

const previous = "JWT_SECRET_PREVIOUS"

func newSigningFake() (*fake, signingWorld) {
	f, w := newFake()
	f.rights = append(f.rights, "auth_signing_keys_read", "auth_signing_keys_write", "auth_config_read")
	f.legacy = map[string]bool{stagingRef: false, productionRef: false}
	f.signers = fakeSigners{keys: map[string][]*fakeSigner{}, exp: map[string]any{stagingRef: 600, productionRef: 3600}}
	s := signingWorld{world: w, old: map[string]*fakeSigner{}}
	for i, env := range []string{"production", "staging"} {
		k := f.signer(map[string]string{"staging": stagingRef, "production": productionRef}[env], "in_use", i+1)
		k.legacy = true
		s.old[env] = k
	}
	return f, s
}

// signer adds a signing key.
func (f *fake) signer(ref, status string, n int) *fakeSigner {
	text := fmt.Sprintf("super-secret-jwt-token-of-%s-%d/+=", ref, n)
	k := &fakeSigner{ID: fmt.Sprintf("%08d-1111-4222-8333-444444444444", n), Algorithm: "HS256", Status: status, used: status != "standby", text: []byte(text), made: time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)}
	f.signers.keys[ref] = append(f.signers.keys[ref], k)
	f.ever = append(f.ever, secret.New(text))
	return k
}

func newSigningWorld(t testing.TB) signingWorld {
	f, w := newSigningFake()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	w.url, w.client = s.URL, s.Client()
	return w
}

// both are the variables of an application that holds a value and one before it.
func both(now, before []byte) providers.Values {
	return providers.Values{"JWT_SECRET": secret.New(string(now)), previous: secret.New(string(before))}
}

func (w signingWorld) current() map[string]providers.Values {
	return map[string]providers.Values{
		"staging":    both(w.old["staging"].text, w.old["staging"].text),
		"production": both(w.old["production"].text, w.old["production"].text),
	}
}

func (w signingWorld) provider(t testing.TB, change ...func(*supabase.SigningConfig)) *supabase.Signing {
	t.Helper()
	c := supabase.SigningConfig{
		BaseURL: w.url + apiPath, ProjectURL: w.url + "/{ref}", HTTP: w.client, Token: fixed(secret.New(token)),
		Projects: map[string]string{"staging": stagingRef, "production": productionRef},
	}
	for _, ch := range change {
		ch(&c)
	}
	p, err := supabase.NewSigning(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSigningConformance(t *testing.T) {
	providertest.Run(t, providertest.Subject{Open: func(t testing.TB) providertest.World {
		f, w := newSigningFake()
		faults := providertest.Before(f)
		s := httptest.NewServer(faults)
		t.Cleanup(s.Close)
		w.url, w.client = s.URL, s.Client()
		stranger := []byte("a-secret-that-no-project-ever-had-000")
		return providertest.World{
			Provider: w.provider(t), Current: w.current(), Unknown: both(stranger, stranger),
			Malformed: []providers.Values{
				both([]byte("short"), []byte("short")),
				both(append(slices.Clone(w.old["production"].text), '\n'), w.old["production"].text),
				both([]byte("sb_secret_"+strings.Repeat("z", 43)), stranger),
				{previous: secret.New(string(stranger))},
				{},
			},
			Secrets: f.issued, Faults: faults,
		}
	}})
}
