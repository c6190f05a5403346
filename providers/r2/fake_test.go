package r2_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/r2"
)

// The account of the fake.
const (
	account      = "023e105f4ecef8ad9ca31a8372d0c353"
	readGroup    = "6a018a9f2fc74eb6b293b0c548f38b39"
	writeGroup   = "2efd5506f9c8494dacb1fa10a3e7d5b6"
	stagingName  = "media-staging"
	productName  = "media"
	tokensPath   = "/accounts/" + account + "/tokens"
	bucketPrefix = "com.cloudflare.edge.r2.bucket." + account + "_default_"
)

type object = map[string]any

// fakeToken is a token as the fake service knows it.
type fakeToken struct {
	id, name, status, value string
	issued                  time.Time
	expires, notBefore      string
	policies                []any
	condition               any
}

// hashed is the secret half of the pair.
func (t *fakeToken) hashed() string {
	sum := sha256.Sum256([]byte(t.value))
	return hex.EncodeToString(sum[:])
}

func (t *fakeToken) values() providers.Values {
	return providers.Values{"R2_ACCESS_KEY_ID": secret.New(t.id), "R2_SECRET_ACCESS_KEY": secret.New(t.hashed())}
}

func (t *fakeToken) shown() object {
	o := object{"id": t.id, "name": t.name, "status": t.status, "issued_on": t.issued.Format(time.RFC3339), "modified_on": t.issued.Format(time.RFC3339), "policies": t.policies}
	for name, v := range map[string]string{"expires_on": t.expires, "not_before": t.notBefore} {
		if v != "" {
			o[name] = v
		}
	}
	if t.condition != nil {
		o["condition"] = t.condition
	}
	return o
}

// grants tells whether the token's policies name a bucket with a group.
func (t *fakeToken) grants(bucket, group string) bool {
	for _, p := range t.policies {
		policy := p.(object)
		named := policy["resources"].(object)[bucketPrefix+bucket] != nil
		for _, g := range policy["permission_groups"].([]any) {
			if named && g.(object)["id"] == group {
				return true
			}
		}
	}
	return false
}

// grant is a policy on buckets.
func grant(groups []string, buckets ...string) []any {
	var ids []any
	for _, g := range groups {
		ids = append(ids, object{"id": g, "name": "Workers R2 Storage Bucket Item"})
	}
	resources := object{}
	for _, b := range buckets {
		resources[bucketPrefix+b] = "*"
	}
	return []any{object{"id": "f267e341f3dd4697bd3b9f71dd96247f", "effect": "allow", "permission_groups": ids, "resources": resources}}
}

// fake behaves as the vendor documents, and keeps what it was asked.
type fake struct {
	mu      sync.Mutex
	tokens  []*fakeToken
	ever    []secret.Value
	calls   []string
	bodies  []object      // of creations and changes
	signed  []http.Header // of requests to the endpoint
	buckets []string
	admin   *fakeToken

	log      []object // the account's audit log, oldest first
	windows  []string // raw queries of it
	page     int      // tokens per page at most
	late     int      // requests to the endpoint that do not know the newest token yet
	override func(w http.ResponseWriter, r *http.Request) bool
}

func (f *fake) make(name string, policies []any, change ...func(*fakeToken)) *fakeToken {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.makeLocked(name, policies, change...)
}

func (f *fake) makeLocked(name string, policies []any, change ...func(*fakeToken)) *fakeToken {
	n := len(f.ever) + 1
	sum := sha256.Sum256([]byte(fmt.Sprint("token", n)))
	t := &fakeToken{
		id: hex.EncodeToString(sum[:16]), name: name, status: "active", value: "cfat_" + hex.EncodeToString(sum[8:28]) + "0badc0de",
		issued: time.Date(2026, 8, 1, 12, 0, n, 0, time.UTC), policies: policies,
	}
	for _, c := range change {
		c(t)
	}
	f.tokens = append(f.tokens, t)
	f.ever = append(f.ever, secret.New(t.value), secret.New(t.hashed()))
	return t
}

func (f *fake) issued() []secret.Value {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ever)
}

// asked lists the calls so far and forgets them.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.calls
	f.calls = nil
	return all
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

func result(w http.ResponseWriter, v any, info any) {
	body := object{"success": true, "errors": []any{}, "messages": []any{}, "result": v}
	if info != nil {
		body["result_info"] = info
	}
	answer(w, http.StatusOK, body)
}

func refuse(w http.ResponseWriter, status int) {
	answer(w, status, object{"success": false, "errors": []any{object{"code": 9109, "message": "no"}}, "messages": []any{}, "result": nil})
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	if f.override != nil && f.override(w, r) {
		return
	}
	path, api := strings.CutPrefix(r.URL.Path, "/client/v4")
	if !api {
		f.objects(w, r)
		return
	}
	who := f.bearer(r)
	id, one := strings.CutPrefix(path, tokensPath+"/")
	switch {
	case who == nil || who.status != "active" && path != tokensPath+"/verify":
		refuse(w, http.StatusUnauthorized)
	case path == tokensPath+"/verify":
		result(w, object{"id": who.id, "status": who.status}, nil)
	case who != f.admin:
		refuse(w, http.StatusForbidden)
	case path == tokensPath && r.Method == "GET":
		f.list(w, r)
	case path == tokensPath && r.Method == "POST":
		f.create(w, r)
	case one:
		f.one(w, r, id)
	case path == "/accounts/"+account+"/logs/audit" && r.Method == "GET":
		f.audit(w, r)
	case strings.HasPrefix(path, "/accounts/"+account+"/r2/buckets/"):
		f.bucket(w, strings.TrimPrefix(path, "/accounts/"+account+"/r2/buckets/"), r.Header.Get("cf-r2-jurisdiction"))
	default:
		refuse(w, http.StatusNotFound)
	}
}

func (f *fake) bearer(r *http.Request) *fakeToken {
	value, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	for _, t := range f.tokens {
		if t.value == value {
			return t
		}
	}
	return nil
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	if page < 1 || size < 5 || size > 50 {
		refuse(w, http.StatusBadRequest)
		return
	}
	size = min(size, f.page)
	var all []any
	for _, t := range f.tokens {
		if t.status != "expired" || r.URL.Query().Get("include_expired") == "true" {
			all = append(all, t.shown())
		}
	}
	start := min((page-1)*size, len(all))
	shown := append([]any{}, all[start:min(start+size, len(all))]...)
	result(w, shown, object{"page": page, "per_page": size, "count": len(shown), "total_count": len(all)})
}

// taken reads a token's members out of a body; policies get ids of their own.
func (f *fake) taken(r *http.Request) (object, []any, bool) {
	var body object
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		return nil, nil, false
	}
	f.bodies = append(f.bodies, body)
	policies, ok := body["policies"].([]any)
	name, _ := body["name"].(string)
	for _, p := range policies {
		if _, sent := p.(object)["id"]; sent {
			return nil, nil, false // only the service sets it
		}
		p.(object)["id"] = "f267e341f3dd4697bd3b9f71dd96247f"
	}
	return body, policies, ok && name != "" && len(name) <= 120
}

func text(body object, name string) string {
	s, _ := body[name].(string)
	return s
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	body, policies, ok := f.taken(r)
	if !ok {
		refuse(w, http.StatusBadRequest)
		return
	}
	t := f.makeLocked(text(body, "name"), policies, func(t *fakeToken) {
		t.condition, t.expires, t.notBefore, t.issued = body["condition"], text(body, "expires_on"), text(body, "not_before"), time.Now().UTC()
	})
	shown := t.shown()
	shown["value"] = t.value
	result(w, shown, nil)
}

func (f *fake) one(w http.ResponseWriter, r *http.Request, id string) {
	at := slices.IndexFunc(f.tokens, func(t *fakeToken) bool { return t.id == id })
	switch {
	case at < 0:
		refuse(w, http.StatusNotFound)
	case r.Method == "GET":
		result(w, f.tokens[at].shown(), nil)
	case r.Method == "DELETE":
		f.tokens = slices.Delete(f.tokens, at, at+1)
		result(w, object{"id": id}, nil)
	case r.Method == "PUT":
		body, policies, ok := f.taken(r)
		if !ok {
			refuse(w, http.StatusBadRequest)
			return
		}
		t := f.tokens[at] // the whole of it is replaced
		t.name, t.policies, t.condition, t.status = text(body, "name"), policies, body["condition"], "active"
		t.expires, t.notBefore = text(body, "expires_on"), text(body, "not_before")
		if s := text(body, "status"); s != "" {
			t.status = s
		}
		result(w, t.shown(), nil)
	default:
		refuse(w, http.StatusMethodNotAllowed)
	}
}

func (f *fake) bucket(w http.ResponseWriter, name, jurisdiction string) {
	if !slices.Contains(f.buckets, name) || jurisdiction != "" && jurisdiction != "default" {
		refuse(w, http.StatusNotFound)
		return
	}
	result(w, object{"name": name, "jurisdiction": "default", "location": "weur"}, nil)
}

func no(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>no</Message></Error>`, code)
}

// objects is the S3 endpoint. Only listing is here.
func (f *fake) objects(w http.ResponseWriter, r *http.Request) {
	f.signed = append(f.signed, r.Header.Clone())
	credential, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="), "/")
	at := slices.IndexFunc(f.tokens, func(t *fakeToken) bool { return t.id == credential && t.status == "active" })
	if at == len(f.tokens)-1 && f.late > 0 {
		f.late--
		at = -1
	}
	bucket := strings.Trim(r.URL.Path, "/")
	switch {
	case at < 0:
		no(w, http.StatusUnauthorized, "Unauthorized")
	case signature(r, f.tokens[at].hashed()) != r.Header.Get("Authorization"):
		no(w, http.StatusForbidden, "SignatureDoesNotMatch")
	case !f.tokens[at].grants(bucket, readGroup):
		no(w, http.StatusForbidden, "AccessDenied")
	case !slices.Contains(f.buckets, bucket):
		no(w, http.StatusNotFound, "NoSuchBucket")
	default:
		w.Header().Set("Content-Type", "application/xml")
		_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name></ListBucketResult>`, bucket)
	}
}

// signature is the header that the request should bear, computed from the
// public description of Signature Version 4.
func signature(r *http.Request, key string) string {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope, names, _ := strings.Cut(scope, ", SignedHeaders=")
	names, _, _ = strings.Cut(names, ", ")
	id, within, _ := strings.Cut(scope, "/")
	canonical := []string{r.Method, r.URL.EscapedPath(), r.URL.Query().Encode()}
	for name := range strings.SplitSeq(names, ";") {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		canonical = append(canonical, name+":"+value)
	}
	canonical = append(canonical, "", names, r.Header.Get("X-Amz-Content-Sha256"))
	sum := sha256.Sum256([]byte(strings.Join(canonical, "\n")))
	signing := []byte("AWS4" + key)
	for part := range strings.SplitSeq(within, "/") {
		signing = mac(signing, part)
	}
	what := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), within, hex.EncodeToString(sum[:])}, "\n")
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", id, within, names, hex.EncodeToString(mac(signing, what)))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

// world is the fake with an adapter before it.
type world struct {
	*fake
	url                 string
	client              *http.Client
	staging, production *fakeToken
	faults              *providertest.Faults
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{fake: &fake{page: 3, buckets: []string{stagingName, productName, "backups"}}}
	both := []string{readGroup, writeGroup}
	w.make("somebody's", grant(both, "backups"))
	w.staging = w.make("shop", grant(both, stagingName))
	w.make("long ago", grant(both, productName), func(t *fakeToken) { t.status, t.expires = "expired", "2026-08-02T00:00:00Z" })
	w.admin = w.make("rotation-bot", []any{})
	w.production = w.make("shop", grant(both, productName), func(t *fakeToken) { // a name is not unique
		t.condition = object{"request_ip": object{"in": []any{"127.0.0.0/8"}}}
	})
	w.faults = providertest.Before(w.fake)
	s := httptest.NewServer(w.faults)
	t.Cleanup(s.Close)
	w.url, w.client = s.URL, s.Client()
	return w
}

func (w world) current() map[string]providers.Values {
	return map[string]providers.Values{"staging": w.staging.values(), "production": w.production.values()}
}

// provider with some configuration changed.
func (w world) provider(t testing.TB, change ...func(*r2.Config)) *r2.Provider {
	t.Helper()
	c := r2.Config{
		BaseURL: w.url + "/client/v4", Endpoint: w.url, Account: account, HTTP: w.client, AdminToken: fixed(w.admin.value),
		Buckets: map[string][]string{"staging": {stagingName}, "production": {productName}},
	}
	for _, f := range change {
		f(&c)
	}
	p, err := r2.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kind is what a survey of the current values finds.
func (w world) kind(t testing.TB, change ...func(*r2.Config)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

// fixed returns the same token each time.
func fixed(v string) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return secret.New(v), nil }
}
