package config

// withoutAdmin are the services where the admin credential may be missing:
// because people make and end keys at a console, or because it stands
// elsewhere. Each says when.
var withoutAdmin = map[string]func(*Secret) bool{
	"ayrshare": func(*Secret) bool { return true }, // nothing but the dashboard makes its keys
	"helius":   func(*Secret) bool { return true },
	"upstash":  func(s *Secret) bool { return s.Upstash.kept() || s.Upstash.ByHand },
	"mem0":     func(s *Secret) bool { return !s.Mem0.Own() || s.Mem0.signedIn() },
}

// Administered reports whether an admin credential is named.
func (s *Secret) Administered() bool { return !s.Admin.Key.IsZero() }

// admin wants an admin credential wherever there can be one.
func (d *decoder) admin(s *Secret, at string) {
	_, written := d.lines[at+".key"] // what was wrong with it is told already
	if spared := withoutAdmin[s.Entry.Service]; !s.Administered() && !written && (spared == nil || !spared(s)) {
		d.lack(at+".key", "it is missing", "key_file: and a path, or key_env: and a variable's name")
	}
}
