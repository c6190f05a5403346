package redis

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestScriptsAreDocumented compares each script's head with its body: which
// keys and arguments it takes, and what it answers.
func TestScriptsAreDocumented(t *testing.T) {
	files, err := luaFiles.ReadDir("lua")
	if err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile(`(KEYS|ARGV)\[(\d+)\]`)
	answered := regexp.MustCompile(`return \{ '([A-Z]+)'`)
	for _, file := range files {
		name := file.Name()
		text, err := luaFiles.ReadFile("lua/" + name)
		if err != nil {
			t.Fatal(err)
		}
		head, body, ok := strings.Cut(string(text), "\n\n")
		for ok && strings.HasPrefix(body, "--") { // a head of several paragraphs
			var more string
			more, body, ok = strings.Cut(body, "\n\n")
			head += "\n" + more
		}
		if !strings.HasPrefix(head, "-- "+name+" ") {
			t.Errorf("%s does not begin with its name and purpose", name)
		}
		if name == "prelude.lua" || name == "append.lua" {
			continue // parts of others
		}
		for _, use := range used.FindAllStringSubmatch(body, -1) {
			if !documents(head, use[1], use[2]) {
				t.Errorf("%s does not document %s[%s]", name, use[1], use[2])
			}
		}
		_, answers, _ := strings.Cut(head, "Answers ")
		for _, word := range answered.FindAllStringSubmatch(body, -1) {
			if !strings.Contains(answers, word[1]) {
				t.Errorf("%s does not document the answer %s", name, word[1])
			}
		}
		if strings.Contains(body, "redis.call('TIME'") {
			t.Errorf("%s asks for the time by itself", name)
		}
	}
}

// documents reports whether the part of a head about KEYS or ARGV has a number.
func documents(head, kind, number string) bool {
	_, part, _ := strings.Cut(head, "-- "+kind+"  ")
	if kind == "KEYS" {
		part, _, _ = strings.Cut(part, "-- ARGV")
	}
	return regexp.MustCompile(fmt.Sprintf(`(^|\s|and )%s( |\b)`, number)).MatchString(part)
}
