package upstash

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is what a command comes to: a text, a number, a list, nothing, or an
// error with its first word.
type answer struct {
	text   string
	number int
	list   []string
	kind   byte // '+' and '$' texts, ':' number, '*' list, '0' nothing, '-' error
}

func fine() answer              { return answer{kind: '+', text: "OK"} }
func bulk(text string) answer   { return answer{kind: '$', text: text} }
func number(n int) answer       { return answer{kind: ':', number: n} }
func list(all []string) answer  { return answer{kind: '*', list: all} }
func nothing() answer           { return answer{kind: '0'} }
func failed(text string) answer { return answer{kind: '-', text: text} }

// The two errors that say who may do what.
const (
	wrongPass = "WRONGPASS invalid username-password pair or user is disabled."
	noToken   = "WRONGPASS invalid or missing auth token"
)

// dangerous are the commands that -@dangerous takes away, as far as any are here.
var dangerous = []string{"keys", "flushall", "flushdb", "acl"}

// may reports whether somebody may do a command, by rules from left to right.
// What everybody may is ask who they are.
func (d *database) may(who string, words []string) bool {
	command := strings.ToLower(words[0])
	if command == "acl" && len(words) > 1 && strings.EqualFold(words[1], "whoami") {
		return true
	}
	switch who {
	case "default":
		return true
	case "default_ro":
		return command == "get" || command == "ping"
	}
	p := d.user(who)
	keyed := slices.Contains([]string{"get", "set", "incr"}, command) && len(words) > 1
	return p != nil && p.on && p.does(command) && (!keyed || d.reaches(p, words[1]))
}

// does reports whether a user's rules allow a command, from left to right.
func (p *person) does(command string) (allowed bool) {
	for _, rule := range p.rules {
		switch sign, what := rule[:1], strings.ToLower(rule[1:]); {
		case sign != "+" && sign != "-":
		case what == "@all", what == "@dangerous" && slices.Contains(dangerous, command), what == command:
			allowed = sign == "+"
		}
	}
	return allowed
}

// reaches reports whether a key is among those a user's patterns allow. Only a
// star at the end means something here.
func (d *database) reaches(p *person, key string) bool {
	return slices.ContainsFunc(p.rules, func(rule string) bool {
		pattern, is := strings.CutPrefix(rule, "~")
		begin, open := strings.CutSuffix(pattern, "*")
		return is && (pattern == key || open && strings.HasPrefix(key, begin))
	})
}

// do carries a command out for somebody who is known.
func (s *Server) do(d *database, who string, words []string) (answer, []Write) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch command := strings.ToUpper(words[0]); {
	case !d.may(who, words):
		return failed(fmt.Sprintf("NOPERM this user has no permissions to run the '%s' command or one of its keys", strings.ToLower(words[0]))), nil
	case command == "PING":
		return answer{kind: '+', text: "PONG"}, nil
	case command == "GET" && len(words) == 2:
		if v, known := d.data[words[1]]; known {
			return bulk(v), nil
		}
		return nothing(), nil
	case command == "SET" && len(words) >= 3:
		d.data[words[1]] = words[2]
		return fine(), nil
	case command == "INCR" && len(words) == 2:
		n, _ := strconv.Atoi(d.data[words[1]]) // what is no number begins at none
		d.data[words[1]] = strconv.Itoa(n + 1)
		return number(n + 1), nil
	case command == "ACL" && len(words) > 1:
		return s.acl(d, who, strings.ToUpper(words[1]), words[2:])
	default:
		return failed("ERR unknown command or wrong number of arguments"), nil
	}
}

// acl is the list of users.
func (s *Server) acl(d *database, who, sub string, args []string) (answer, []Write) {
	switch {
	case sub == "WHOAMI":
		return bulk(who), nil
	case sub == "SETUSER" && len(args) > 0:
		return s.setUser(d, args[0], args[1:])
	case sub == "DELUSER" && len(args) > 0:
		return deleted(d, args)
	default:
		return s.told(d, sub, args), nil
	}
}

// told answers what changes no user.
func (s *Server) told(d *database, sub string, args []string) answer {
	switch {
	case sub == "LIST":
		return list(d.lines())
	case sub == "USERS":
		names := []string{"default", "default_ro"}
		for _, p := range d.people {
			if !p.deleted {
				names = append(names, p.name)
			}
		}
		return list(names)
	case sub == "GETUSER" && len(args) == 1:
		if p := d.user(args[0]); p != nil {
			return list([]string{"flags", map[bool]string{true: "on", false: "off"}[p.on]})
		}
		return nothing()
	case sub == "GENTOKEN" && len(args) > 0 && !s.o.Old:
		made := bearer()
		d.made[made] = args[0]
		return bulk(made)
	case sub == "RESTTOKEN" && len(args) == 2:
		return s.exchange(d, args[0], args[1])
	default:
		return failed("ERR unknown subcommand '" + sub + "'. Try ACL HELP.")
	}
}

func (d *database) lines() []string {
	all := []string{"user default on #" + hashed(d.current().Password) + " ~* &* +@all", "user default_ro on #" + hashed(d.current().ReadOnly) + " ~* &* +@read"}
	for _, p := range d.people {
		if p.deleted {
			continue
		}
		words := []string{"user", p.name, map[bool]string{true: "on", false: "off"}[p.on]}
		for _, v := range p.passwords {
			words = append(words, "#"+hashed(v))
		}
		all = append(all, strings.Join(append(words, p.rules...), " "))
	}
	return all
}

// exchange gives the token for a user's password; a token made here is one.
func (s *Server) exchange(d *database, name, password string) answer {
	p := d.user(name)
	if p == nil || !slices.Contains(p.passwords, password) {
		return failed("ERR Wrong password or user \"" + name + "\" does not exist")
	}
	if !s.o.Old {
		return bulk(password)
	}
	made := bearer()
	d.exchanged[made] = name
	return bulk(made)
}

// setUser applies all rules or none.
func (s *Server) setUser(d *database, name string, rules []string) (answer, []Write) {
	if name == "default" || name == "default_ro" {
		return failed("ERR The 'default' user cannot be changed"), nil
	}
	p := d.user(name)
	changed := person{name: name, made: time.Now()}
	if p != nil {
		changed = *p
		changed.passwords, changed.rules = slices.Clone(p.passwords), slices.Clone(p.rules)
	}
	for _, r := range rules {
		if wrong := s.apply(d, &changed, r); wrong != "" {
			return failed("ERR Error in ACL SETUSER modifier: " + wrong), nil
		}
	}
	act := map[bool]Act{true: On, false: Off}[changed.on]
	if p == nil {
		p, act = &changed, Created
		d.people = append(d.people, p)
	}
	*p = changed
	return fine(), []Write{{act, d.name + "/" + name, name}}
}

// apply applies one rule, or says what is wrong with it.
func (s *Server) apply(d *database, p *person, rule string) string {
	switch {
	case rule == "on", rule == "off":
		p.on = rule == "on"
	case rule == "nopass":
		return "nopass is not allowed"
	case strings.HasPrefix(rule, ">"):
		password := rule[1:]
		if d.made[password] != p.name && !s.o.Old {
			return "a password must be made by ACL GENTOKEN"
		}
		p.passwords = append(p.passwords, password)
	case strings.HasPrefix(rule, "<"):
		p.passwords = slices.DeleteFunc(p.passwords, func(v string) bool { return v == rule[1:] })
	case strings.Contains(rule, "|"):
		return "rules of subcommands are not supported"
	case strings.HasPrefix(rule, "+"), strings.HasPrefix(rule, "-"), strings.HasPrefix(rule, "~"), strings.HasPrefix(rule, "&"):
		p.rules = append(p.rules, rule)
	default:
		return "syntax error"
	}
	return ""
}

func deleted(d *database, names []string) (answer, []Write) {
	var writes []Write
	for _, name := range names {
		if name == "default" {
			return failed("ERR The 'default' user cannot be removed"), nil
		}
		if p := d.user(name); p != nil {
			d.delete(p)
			writes = append(writes, Write{Deleted, d.name + "/" + name, name})
		}
	}
	return number(len(writes)), writes
}

// whose is who bears a token; "" where nobody does.
func (d *database) whose(token string) string {
	switch token {
	case "":
		return ""
	case d.current().Token:
		return "default"
	case d.current().ReadOnly:
		return "default_ro"
	}
	for _, p := range d.people {
		if p.on && !p.deleted && (slices.Contains(p.passwords, token) || d.exchanged[token] == p.name) {
			return p.name
		}
	}
	return ""
}

// knows reports whether a user has a password and may log in.
func (d *database) knows(name, password string) bool {
	switch name {
	case "default":
		return password == d.current().Password
	case "default_ro":
		return password == d.current().ReadOnly
	}
	p := d.user(name)
	return p != nil && p.on && slices.Contains(p.passwords, password)
}
