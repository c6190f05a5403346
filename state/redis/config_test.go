package redis

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]Config{
		"redis://localhost":                         {Addr: "localhost:6379"},
		" redis://localhost:7000/\n":                {Addr: "localhost:7000"},
		"rediss://user:p%23w@redis.example.com:1/3": {Addr: "redis.example.com:1", Username: "user", TLS: true, DB: 3},
		"redis://:pw@[::1]:7000":                    {Addr: "[::1]:7000"},
	} {
		got, err := ParseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		password := got.Password.reveal()
		if user := strings.Contains(text, "p%23w"); user && password != "p#w" || strings.Contains(text, ":pw@") && password != "pw" {
			t.Errorf("%s: the password came out as %q", text, password)
		}
		got.Password = Password{}
		if got.Addr != want.Addr || got.Username != want.Username || got.TLS != want.TLS || got.DB != want.DB {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}

// badURLs hold the password hunter2 in all the places it ends up in.
var badURLs = []string{
	"", "hunter2", "localhost:6379", "http://:hunter2@localhost", "redis://", "redis:hunter2",
	"redis://:hunter2", "redis://:hunter2@", "redis://user:hunter2#x@localhost", "redis://user:hunter2?x@localhost",
	"redis://user:hunter2/x@localhost", "redis://user:hunter2%zz@localhost", "redis://:hunter2@localhost/hunter2",
	"redis://:hunter2@localhost/-1", "redis://:hunter2@localhost/1?password=hunter2", "redis://us er:hunter2@\x7f",
	"redis://localhost:hunter2",
}

func TestParseURLRefuses(t *testing.T) {
	for _, text := range badURLs {
		_, err := ParseURL(text)
		if err == nil {
			t.Errorf("%q was accepted", text)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error quotes the password: %v", err)
		}
	}
}

// FuzzParseURL looks for a text whose error depends on more than what kind of
// fault it has.
func FuzzParseURL(f *testing.F) {
	for _, text := range badURLs {
		f.Add(text)
	}
	known := map[string]bool{}
	for _, text := range []string{"x", "redis://%zz", "redis://", "redis://h/x", "redis://h?x"} {
		_, err := ParseURL(text)
		known[fmt.Sprint(err)] = true
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParseURL(text); err != nil && !known[err.Error()] {
			t.Errorf("%q has an error of its own: %v", text, err)
		}
	})
}

// TestPasswordDoesNotPrint puts a password wherever one could end up.
func TestPasswordDoesNotPrint(t *testing.T) {
	const password = "correct-horse-battery"
	server := miniredis.RunT(t)
	server.RequireAuth(password)
	cfg, err := ParseURL("redis://:" + password + "@" + server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Installation = "test"
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	hidden := struct{ p Password }{cfg.Password}
	for _, v := range []any{cfg, &cfg, cfg.Password, &cfg.Password, hidden, &hidden, s, []any{cfg}, map[string]any{"c": cfg}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			noLeak(t, fmt.Sprintf("%T with %s", v, verb), fmt.Sprintf(verb, v))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		noLeak(t, fmt.Sprintf("%T in a log", v), log.String())
	}
	if text, err := json.Marshal(cfg.Password); err == nil {
		t.Errorf("JSON took the password: %s", text)
	}
	if err := gob.NewEncoder(new(bytes.Buffer)).Encode(cfg.Password); err == nil {
		t.Error("gob took the password")
	}
}

// noLeak also knows the forms %x and %X give.
func noLeak(t *testing.T, where, text string) {
	t.Helper()
	const part = "horse"
	for _, form := range []string{part, fmt.Sprintf("%x", part), fmt.Sprintf("%X", part), fmt.Sprint([]byte(part))[1:20]} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the password: %s", where, text)
		}
	}
}
