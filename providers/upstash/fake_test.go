package upstash_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/upstash"
)

const (
	mail  = "ops@example.com"
	rules = "~shop:* &* +@all -@dangerous +keys"
)

type object = map[string]any

// fakeUser is a user of a database's list.
type fakeUser struct {
	name   string
	on     bool
	tokens []string // passwords, and bearer tokens where they are the same
	rules  []string
}

func (u *fakeUser) line() string {
	state := map[bool]string{true: "on", false: "off"}[u.on]
	words := []string{"user", u.name, state}
	for _, t := range u.tokens {
		sum := sha256.Sum256([]byte(t))
		words = append(words, "#"+hex.EncodeToString(sum[:]))
	}
	return strings.Join(append(words, u.rules...), " ")
}

// fakeDatabase is one database.
type fakeDatabase struct {
	id, name, state, password, token, readOnly string
	users                                      []*fakeUser // but for the default one
}

// fake behaves as the vendor documents, and keeps what it was asked.
type fake struct {
	mu        sync.Mutex
	databases []*fakeDatabase
	key       string
	ever      []secret.Value
	calls     []string

	old      bool // no GENTOKEN yet
	mute     bool // REST does not take ACL commands
	hidden   bool // the account shows no credentials
	bare     bool // the answer to a reset holds none
	losesRul bool // a new user gets other rules than were asked for
	override func(w http.ResponseWriter, r *http.Request) bool
}

func (f *fake) random(what string) string {
	sum := sha512.Sum512([]byte(fmt.Sprint(what, len(f.ever))))
	text := hex.EncodeToString(sum[:])
	f.ever = append(f.ever, secret.New(text))
	return text
}

// renew gives a database new credentials of its own.
func (f *fake) renew(d *fakeDatabase) {
	d.password = f.random("password")[:40]
	f.ever = append(f.ever, secret.New(d.password))
	d.token = base64.StdEncoding.EncodeToString([]byte("\x00\x01" + d.id + d.password))
	d.readOnly = base64.StdEncoding.EncodeToString([]byte("\x00\x02" + d.id + "\xff\xfe" + f.random("ro")[:32]))
	f.ever = append(f.ever, secret.New(d.token), secret.New(d.readOnly))
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

func (f *fake) find(name string) *fakeDatabase {
	for _, d := range f.databases {
		if d.name == name || d.id == name {
			return d
		}
	}
	return nil
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.override != nil && f.override(w, r) {
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch d := f.find(parts[min(1, len(parts)-1)]); {
	case parts[0] == "db" && d != nil && len(parts) > 2:
		f.calls = append(f.calls, d.name+" "+r.Method+" "+strings.Join(parts[2:], "/"))
		f.rest(w, r, d, strings.Join(parts[2:], " "))
	case parts[0] == "redis" && d != nil:
		f.redis(w, r, d)
	case parts[0] == "auditlogs":
		f.auditLogs(w, r)
	case parts[0] == "v2":
		f.calls = append(f.calls, r.Method+" "+r.URL.Path)
		f.account(w, r, parts[2:])
	default:
		answer(w, http.StatusNotFound, object{"error": "no"})
	}
}

// account is the Developer API.
func (f *fake) account(w http.ResponseWriter, r *http.Request, parts []string) {
	who, key, _ := r.BasicAuth()
	last := f.find(parts[len(parts)-1])
	switch {
	case who != mail || key != f.key:
		answer(w, http.StatusUnauthorized, "Unauthorized")
	case parts[0] == "databases":
		all := []any{}
		for _, d := range f.databases {
			all = append(all, f.shown(d, false))
		}
		answer(w, http.StatusOK, all)
	case last == nil:
		answer(w, http.StatusNotFound, "database not found")
	case parts[0] == "reset-password" && r.Method == http.MethodPost:
		f.renew(last)
		answer(w, http.StatusOK, f.shown(last, !f.bare))
	case parts[0] == "database" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, f.shown(last, !f.hidden))
	default:
		answer(w, http.StatusMethodNotAllowed, "no")
	}
}

func (f *fake) shown(d *fakeDatabase, whole bool) object {
	o := object{"database_id": d.id, "database_name": d.name, "endpoint": d.name, "state": d.state, "port": 6379, "tls": true, "type": "paid", "db_acl_enabled": "true"}
	if whole {
		o["rest_token"], o["read_only_rest_token"], o["password"] = d.token, d.readOnly, d.password
	}
	return o
}

// rest is a database's REST API.
func (f *fake) rest(w http.ResponseWriter, r *http.Request, d *fakeDatabase, command string) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	who := ""
	switch bearer {
	case d.token:
		who = "default"
	case d.readOnly:
		who = "default_ro"
	default:
		who = d.owner(bearer)
	}
	switch {
	case who == "":
		answer(w, http.StatusUnauthorized, object{"error": "WRONGPASS invalid or missing auth token"})
	case command == "ping":
		answer(w, http.StatusOK, object{"result": "PONG"})
	case command == "acl whoami" && !f.mute:
		answer(w, http.StatusOK, object{"result": who})
	default:
		answer(w, http.StatusBadRequest, object{"error": "ERR unknown command"})
	}
}

// owner is the user whose token it is and who is switched on.
func (d *fakeDatabase) owner(bearer string) string {
	for _, u := range d.users {
		if u.on && slices.Contains(u.tokens, bearer) {
			return u.name
		}
	}
	return ""
}

// order is one command of a conversation: who speaks, and what.
type order struct {
	User  string
	Words []string
}

// redis answers one command, in the wire's own form.
func (f *fake) redis(w http.ResponseWriter, r *http.Request, d *fakeDatabase) {
	var o order
	if json.NewDecoder(r.Body).Decode(&o) != nil {
		answer(w, http.StatusBadRequest, nil)
		return
	}
	f.calls = append(f.calls, d.name+" "+strings.Join(o.Words[:min(3, len(o.Words))], " "))
	w.Header().Set("Content-Type", "application/x-redis")
	_, _ = io.WriteString(w, f.command(d, o))
}

func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }

func (f *fake) command(d *fakeDatabase, o order) string {
	if o.Words[0] == "AUTH" {
		if o.Words[1] == "default" && o.Words[2] == d.password || d.user(o.Words[1]) != nil && d.owner(o.Words[2]) == o.Words[1] {
			return "+OK\r\n"
		}
		return "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
	}
	if o.User != "default" || o.Words[0] != "ACL" {
		return "-NOPERM this user has no permissions\r\n"
	}
	args := o.Words[2:]
	switch o.Words[1] {
	case "LIST":
		lines := []string{"user default on #ab ~* &* +@all", "user default_ro on #cd ~* &* +@read"}
		for _, u := range d.users {
			lines = append(lines, u.line())
		}
		text := fmt.Sprintf("*%d\r\n", len(lines))
		for _, l := range lines {
			text += bulk(l)
		}
		return text
	case "GETUSER":
		if d.user(args[0]) == nil {
			return "*-1\r\n"
		}
		return "*2\r\n" + bulk("flags") + "*1\r\n" + bulk("on")
	case "GENTOKEN":
		if f.old {
			return "-ERR unknown subcommand 'GENTOKEN'. Try ACL HELP.\r\n"
		}
		return bulk(f.random("token"))
	case "RESTTOKEN":
		if d.user(args[0]) == nil || d.owner(args[1]) != args[0] {
			return "-ERR Wrong password or user " + args[0] + " does not exist\r\n"
		}
		if f.old && !strings.HasPrefix(args[1], "rest") {
			made := "rest" + f.random("rest")
			f.ever = append(f.ever, secret.New(args[1]), secret.New(made))
			d.user(args[0]).tokens = append(d.user(args[0]).tokens, made)
			return bulk(made)
		}
		return bulk(args[1])
	case "SETUSER":
		return f.setUser(d, args)
	case "DELUSER":
		before := len(d.users)
		d.users = slices.DeleteFunc(d.users, func(u *fakeUser) bool { return u.name == args[0] })
		return fmt.Sprintf(":%d\r\n", before-len(d.users))
	}
	return "-ERR unknown subcommand\r\n"
}

func (f *fake) setUser(d *fakeDatabase, args []string) string {
	u := d.user(args[0])
	if u == nil {
		u = &fakeUser{name: args[0]}
		d.users = append(d.users, u)
	}
	for _, a := range args[1:] {
		switch {
		case a == "on", a == "off":
			u.on = a == "on"
		case strings.HasPrefix(a, ">"):
			u.tokens = append(u.tokens, a[1:])
		case strings.Contains(a, "|"), a == "nopass":
			return "-ERR Error in ACL SETUSER modifier\r\n"
		case f.losesRul && a == "-@dangerous":
		default:
			u.rules = append(u.rules, a)
		}
	}
	return "+OK\r\n"
}

func (d *fakeDatabase) user(name string) *fakeUser {
	for _, u := range d.users {
		if u.name == name {
			return u
		}
	}
	return nil
}

// gateway speaks the Redis protocol over TLS before one database. Each command
// goes through the world's faults as a request: one that changes something as a
// POST. What a proxy would do with the status is done to the connection.
type gateway struct {
	at     string // the service's address for commands of this database
	client *http.Client
}

func (g gateway) serve(ctx context.Context, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go g.talk(ctx, conn)
	}
}

func (g gateway) talk(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	commands := make(chan []string)
	go func() {
		defer close(commands)
		defer cancel() // the client has left
		in := bufio.NewReader(conn)
		for {
			words, err := array(in)
			if err != nil {
				return
			}
			select {
			case commands <- words:
			case <-ctx.Done():
				return
			}
		}
	}()
	who := ""
	for words := range commands {
		text, closes := g.forward(ctx, order{who, words})
		if _, err := io.WriteString(conn, text); err != nil || closes {
			return
		}
		if words[0] == "AUTH" && strings.HasPrefix(text, "+OK") {
			who = words[1]
		}
	}
}

func array(in *bufio.Reader) ([]string, error) {
	count := func(mark byte) (int, error) {
		head, err := in.ReadString('\n')
		if err != nil || head[0] != mark {
			return 0, io.ErrUnexpectedEOF
		}
		return strconv.Atoi(strings.TrimSpace(head[1:]))
	}
	n, err := count('*')
	words := make([]string, 0, max(n, 0))
	for range n {
		var size int
		if size, err = count('$'); err != nil {
			return nil, err
		}
		text := make([]byte, size+2)
		if _, err = io.ReadFull(in, text); err != nil {
			return nil, err
		}
		words = append(words, string(text[:size]))
	}
	return words, err
}

func (g gateway) forward(ctx context.Context, o order) (text string, closes bool) {
	method := http.MethodGet
	if len(o.Words) > 1 && slices.Contains([]string{"SETUSER", "DELUSER"}, o.Words[1]) {
		method = http.MethodPost
	}
	body, _ := json.Marshal(o)
	req, err := http.NewRequestWithContext(ctx, method, g.at, bytes.NewReader(body))
	if err != nil {
		return "", true
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return "", true
	}
	defer func() { _ = resp.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	switch kind := resp.Header.Get("Content-Type"); {
	case resp.StatusCode == 400, resp.StatusCode == 422:
		return "-ERR syntax error " + strings.ReplaceAll(strings.ReplaceAll(string(said), "\n", " "), "\r", " ") + "\r\n", false
	case resp.StatusCode == 401:
		return "-WRONGPASS invalid username-password pair\r\n", false
	case resp.StatusCode == 403:
		return "-NOPERM this user has no permissions\r\n", false
	case resp.StatusCode == 404, resp.StatusCode == 409:
		return "-ERR unknown command\r\n", false
	case resp.StatusCode == 429:
		return "-ERR max requests limit exceeded. Limit: 500000\r\n", false
	case resp.StatusCode >= 500:
		return "", true
	case kind == "application/x-redis":
		return string(said), false
	case strings.HasPrefix(kind, "text/html"):
		return string(said), true
	default:
		return "$52428800\r\n" + string(said), true
	}
}

// world is the fake with an adapter before it.
type world struct {
	*fake
	url                 string
	client              *http.Client
	roots               *x509.CertPool
	redis               map[string]string // where each database speaks, by name
	staging, production *fakeDatabase
	faults              *providertest.Faults
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{fake: &fake{key: "d0d0cafe-5eed-4bad-8bad-0123456789ab"}, redis: map[string]string{}}
	w.ever = append(w.ever, secret.New(w.key))
	for i, name := range []string{"somebodys", "shop-staging", "shop-production"} {
		d := &fakeDatabase{id: fmt.Sprintf("96ad0856-03b1-4ee7-9666-e81abd0349e%d", i), name: name, state: "active"}
		w.renew(d)
		w.databases = append(w.databases, d)
		for _, user := range []string{"reporting", "app_20260801"} { // a name is the same in two databases
			d.users = append(d.users, &fakeUser{name: user, on: true, tokens: []string{w.random(name + user)}, rules: strings.Fields(rules)})
		}
	}
	w.staging, w.production = w.databases[1], w.databases[2]
	w.faults = providertest.Before(w.fake)
	s := httptest.NewServer(w.faults)
	t.Cleanup(s.Close)
	w.url, w.client = s.URL, s.Client()
	w.listen(t)
	return w
}

// listen opens each database's door for the Redis protocol.
func (w *world) listen(t testing.TB) {
	t.Helper()
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(certified.Close)
	w.roots = x509.NewCertPool()
	w.roots.AddCert(certified.Certificate())
	for _, d := range w.databases {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		w.redis[d.name] = l.Addr().String()
		go gateway{w.url + "/redis/" + d.name, &http.Client{}}.serve(t.Context(), l)
	}
}

const name = "UPSTASH_REDIS_REST_TOKEN"

func one(token string) providers.Values { return providers.Values{name: secret.New(token)} }

// app is the user that the application runs as.
func (d *fakeDatabase) app() *fakeUser { return d.user("app_20260801") }

// asUsers are the values of an application with users of its own.
func (w world) asUsers() map[string]providers.Values {
	return map[string]providers.Values{"staging": one(w.staging.app().tokens[0]), "production": one(w.production.app().tokens[0])}
}

// asDefault are those of one that runs on the databases' own tokens.
func (w world) asDefault() map[string]providers.Values {
	return map[string]providers.Values{"staging": one(w.staging.token), "production": one(w.production.token)}
}

func (w world) database(d *fakeDatabase) upstash.Database {
	return upstash.Database{URL: w.url + "/db/" + d.name, Redis: w.redis[d.name], Password: func(context.Context) (secret.Value, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return secret.New(d.password), nil
	}}
}

// named is a namer for tests.
func named(v secret.Value) providers.ID {
	if v.IsZero() {
		return ""
	}
	sum := sha256.Sum256([]byte("namer" + v.Reveal()))
	return providers.ID(hex.EncodeToString(sum[:8]))
}

// provider with some configuration changed.
func (w world) provider(t testing.TB, change ...func(*upstash.Config)) *upstash.Provider {
	t.Helper()
	c := upstash.Config{
		BaseURL: w.url, HTTP: w.client, Roots: w.roots, Name: named, Account: fixed(mail + ":" + w.key),
		Databases: map[string]upstash.Database{"staging": w.database(w.staging), "production": w.database(w.production)},
	}
	for _, f := range change {
		f(&c)
	}
	p, err := upstash.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fixed returns the same value each time.
func fixed(v string) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return secret.New(v), nil }
}

// kind is what a survey of values finds.
func (w world) kind(t testing.TB, current map[string]providers.Values, change ...func(*upstash.Config)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), current)
	if err != nil {
		t.Fatal(err)
	}
	return kind
}
