package upstash

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

type bench struct {
	*testing.T
	s *Server
}

func newBench(t *testing.T, o Options) bench {
	b := bench{t, New(o, "one", "two")}
	if err := b.s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.s.Close)
	return b
}

// rest sends a command to a database as the bearer of a token.
func (b bench) rest(database, token string, words ...string) (int, string) {
	b.Helper()
	body, _ := json.Marshal(words)
	r := httptest.NewRequest("POST", "/"+database, strings.NewReader(string(body)))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// phone is a connection over the Redis protocol.
type phone struct {
	bench
	conn *tls.Conn
	in   *bufio.Reader
}

func (b bench) call(database string) phone {
	b.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(b.s.Authority())) {
		b.Fatal("no authority")
	}
	conn, err := tls.Dial("tcp", b.s.Address(database), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return phone{b, conn, bufio.NewReader(conn)}
}

// say sends a command and returns the first line of the answer, and the text
// behind its length.
func (p phone) say(words ...string) string {
	p.Helper()
	text := fmt.Sprintf("*%d\r\n", len(words))
	for _, w := range words {
		text += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(p.conn, text); err != nil {
		return err.Error()
	}
	head, err := p.in.ReadString('\n')
	if err != nil {
		return err.Error()
	}
	if strings.HasPrefix(head, "$") && head != "$-1\r\n" {
		head, _ = p.in.ReadString('\n')
	}
	return strings.TrimSpace(head)
}

// keeper is a connection of the default user.
func (b bench) keeper(database string) phone {
	b.Helper()
	p := b.call(database)
	if got := p.say("AUTH", "default", b.s.Own(database).Password); got != "+OK" {
		b.Fatal(got)
	}
	return p
}

func TestWhoIsWho(t *testing.T) {
	b := newBench(t, Options{})
	user, own := b.s.Seed("one", "app", time.Now(), "~shop:*", "+@all", "-@dangerous"), b.s.Own("one")
	for name, c := range map[string]struct {
		database, token string
		words           []string
		status          int
		says            string
	}{
		"a user":                  {"one", user.Token, []string{"ACL", "WHOAMI"}, 200, `"app"`},
		"the database's own":      {"one", own.Token, []string{"ACL", "WHOAMI"}, 200, `"default"`},
		"its read-only one":       {"one", own.ReadOnly, []string{"ACL", "WHOAMI"}, 200, `"default_ro"`},
		"read-only may not write": {"one", own.ReadOnly, []string{"SET", "a", "1"}, 400, "NOPERM"},
		"another database's":      {"two", user.Token, []string{"PING"}, 401, "WRONGPASS"},
		"nobody's":                {"one", "x", []string{"PING"}, 401, "WRONGPASS"},
		"in reach":                {"one", user.Token, []string{"INCR", "shop:1"}, 200, "1"},
		"out of reach":            {"one", user.Token, []string{"INCR", "other"}, 400, "NOPERM"},
		"dangerous":               {"one", user.Token, []string{"ACL", "LIST"}, 400, "NOPERM"},
	} {
		if status, said := b.rest(c.database, c.token, c.words...); status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
	r := httptest.NewRequest("GET", "/one/ping?_token="+user.Token, nil)
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("a token in the address is taken, too: %d", w.Code)
	}
}

// TestUsers: a token is made, set, works, is switched off and on, and deleted.
// Only what was made for a user is taken.
func TestUsers(t *testing.T) {
	b := newBench(t, Options{})
	p := b.keeper("one")
	made := p.say("ACL", "GENTOKEN", "app")
	for _, words := range [][]string{
		{"app", "on", ">mypassword"}, {"other", "on", ">" + made}, {"app", "nopass"}, {"app", "+client|list"}, {"default", "off"}, {"app", "what"},
	} {
		if got := p.say(append([]string{"ACL", "SETUSER"}, words...)...); !strings.HasPrefix(got, "-ERR") {
			t.Errorf("%v: %s", words, got)
		}
	}
	if b.s.Rules("one", "app") != nil || len(b.s.Users()) > 0 {
		t.Error("a refused rule made a user")
	}
	if status, _ := b.rest("one", made, "PING"); status != 401 {
		t.Errorf("before it is set: %d", status)
	}
	if got := p.say("ACL", "SETUSER", "app", "on", ">"+made, "~*", "+@all"); got != "+OK" {
		t.Fatal(got)
	}
	app := b.call("one")
	if got := app.say("AUTH", "app", made); got != "+OK" {
		t.Error(got)
	}
	for _, c := range []struct {
		words  []string
		status int
	}{{[]string{"SETUSER", "app", "off"}, 401}, {[]string{"SETUSER", "app", "on"}, 200}, {[]string{"DELUSER", "app"}, 401}, {[]string{"DELUSER", "app"}, 401}} {
		p.say(append([]string{"ACL"}, c.words...)...)
		if status, _ := b.rest("one", made, "PING"); status != c.status {
			t.Errorf("after %v: %d", c.words, status)
		}
	}
	if got := app.say("PING"); strings.HasPrefix(got, "+") {
		t.Errorf("a deleted user's connection lives: %s", got)
	}
	if all := b.s.Users(); len(all) != 1 || all[0].Live || all[0].ID != "one/app" {
		t.Errorf("remembered: %d", len(all))
	}
}

func TestBeforeGentoken(t *testing.T) {
	b := newBench(t, Options{Old: true})
	p := b.keeper("one")
	if got := p.say("ACL", "GENTOKEN", "app"); !strings.Contains(got, "unknown subcommand") {
		t.Error(got)
	}
	p.say("ACL", "SETUSER", "app", "on", ">mypassword", "~*", "+@all")
	token := p.say("ACL", "RESTTOKEN", "app", "mypassword")
	if status, said := b.rest("one", token, "ACL", "WHOAMI"); status != 200 || !strings.Contains(said, "app") {
		t.Errorf("%d %s", status, said)
	}
	if got := p.say("ACL", "RESTTOKEN", "app", "wrong"); !strings.HasPrefix(got, "-ERR Wrong password") {
		t.Error(got)
	}
}

// TestReset: all credentials of one database change in one call, and the call is
// what it says in the audit log.
func TestReset(t *testing.T) {
	b := newBench(t, Options{})
	user := b.s.Seed("one", "app", time.Now(), "+@all")
	old, other, p := b.s.Own("one"), b.s.Own("two"), b.keeper("one")
	var writes []Write
	b.s.OnWrite(func(w Write) { writes = append(writes, w) })
	reset := func(key string) int {
		r := httptest.NewRequest("POST", "/v2/redis/reset-password/"+b.s.byNameLocked("one").id, nil)
		r.SetBasicAuth(Mail, key)
		w := httptest.NewRecorder()
		b.s.Handler().ServeHTTP(w, r)
		return w.Code
	}
	if reset("wrong") != 401 || reset(b.s.key) != 200 {
		t.Error("it goes by the account's key")
	}
	for _, token := range []string{old.Token, old.ReadOnly} {
		if status, _ := b.rest("one", token, "PING"); status != 401 {
			t.Errorf("an old token: %d", status)
		}
	}
	if got := p.say("PING"); strings.HasPrefix(got, "+") {
		t.Errorf("an old connection: %s", got)
	}
	for database, token := range map[string]string{"one": b.s.Own("one").Token, "two": other.Token} {
		if status, _ := b.rest(database, token, "PING"); status != 200 {
			t.Errorf("%s: %d", database, status)
		}
	}
	if status, _ := b.rest("one", user.Token, "PING"); status != 200 {
		t.Errorf("a user is another credential: %d", status)
	}
	if !slices.Equal(writes, []Write{{Reset, "one#1", "default"}}) || len(b.s.audit) != 1 {
		t.Errorf("wrote %v", writes)
	}
}

func TestLostAnswer(t *testing.T) {
	b := newBench(t, Options{})
	b.s.Seed("one", "app", time.Now(), "+@all")
	b.s.Lose("DELUSER", 1)
	if got := b.keeper("one").say("ACL", "DELUSER", "app"); got != "EOF" {
		t.Error(got)
	}
	if b.s.Users()[0].Live {
		t.Error("it was lost with the answer")
	}
	if got := b.keeper("one").say("ACL", "DELUSER", "app"); got != ":0" {
		t.Error(got)
	}
}
