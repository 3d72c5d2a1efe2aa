// Command codefob keeps the secrets of two-factor accounts on this computer and
// makes their codes: for the browser extension as its native-messaging host, and
// for people as a command-line program.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/pflag"

	"codefob/internal/prompt"
)

// version is the program's and the extension's; a test holds the two together.
const version = "0.1.0"

func main() {
	if caller, ok := browserCaller(os.Args[1:]); ok {
		os.Exit(serveBrowser(caller))
	}
	// An interrupt just ends the program: a save is whole or not at all, and
	// package prompt sets the terminal right.
	ui := newUI()
	home, err := homeFolder()
	if err == nil {
		err = (&cli{ctx: context.Background(), ui: ui, home: home}).run(os.Args[1:])
	}
	os.Exit(ui.failed(err))
}

// cli is one run of a command.
type cli struct {
	ctx  context.Context
	ui   *ui
	home string // the folder of the vault, the state and the configuration
	ask  prompt.Terminal

	passphraseFile string // --vault-passphrase-file
}

// command is one word of the command line.
type command struct {
	name, args, does string
	run              func(*cli, []string) error
}

func (c command) usage() string { return strings.TrimSpace("codefob " + c.name + " " + c.args) }

// commands in the order of the help. It is a function, for help lists them.
func commands() []command {
	return []command{
		{"init", "[--no-keychain]", "make the vault", (*cli).init},
		{"add", "[--qr IMAGE | --screen] [--site HOST]", "add one account, asked for step by step, or by QR code", (*cli).add},
		{"import", "FILE… [--format NAME] [--dry-run]", "add the accounts of other apps' files, or of folders of them", (*cli).importFiles},
		{"export", "-o FILE [--format NAME] [--account QUERY]", "write accounts to a file, sealed with a passphrase, or for print and cameras", (*cli).export},
		{"backup", "[FOLDER] | backup verify FILE", "write all accounts to a folder, sealed; or see that such a file is good", (*cli).backup},
		{"list", "[QUERY]", "list the accounts", (*cli).list},
		{"show", "QUERY", "show one account", (*cli).show},
		{"edit", "QUERY [--issuer …] [--site …]", "change an account's names, sites and how it is filled", (*cli).edit},
		{"remove", "QUERY", "remove an account", (*cli).remove},
		{"restore", "[QUERY]", "bring a removed account back; without a QUERY, list what can come back", (*cli).restore},
		{"code", "QUERY", "print a one-time code", (*cli).code},
		{"recovery", "QUERY [--add [FILE]] [--show]", "keep an account's recovery codes", (*cli).recovery},
		{"log", "[--account QUERY]", "tell which account's codes went where and when, and what was refused", (*cli).log},
		{"sync", "[folder PATH | relay URL | status | off …] [--watch]", "keep the same accounts on all of your computers", (*cli).sync},
		{"devices", "[add | join PATH_OR_URL | remove NAME]", "list the computers that sync, let one in, or shut one out", (*cli).devices},
		{"install", "[--browser NAME…]", "register with the browsers", (*cli).install},
		{"uninstall", "", "take the registrations away", (*cli).uninstall},
		{"directory", "update [FILE] [--dry-run]", "take over what services take for logging in", (*cli).directory},
		{"doctor", "", "check everything, and say how to fix what is wrong", (*cli).doctor},
		{"unlock", "", "unlock the vault with the passphrase", (*cli).unlock},
		{"lock", "", "lock the vault in every browser", (*cli).lock},
		{"passphrase", "", "change the passphrase", (*cli).passphrase},
		{"recovery-key", "[--check] [--sheet FILE]", "make a new recovery key", (*cli).recoveryKey},
		{"keychain", "[--remove]", "put the vault's key into the keychain again, or take it out", (*cli).keychain},
		{"version", "", "print the version", (*cli).version},
	}
}

func (c *cli) run(args []string) error {
	global := c.flags("")
	global.SetInterspersed(false)
	global.Usage = func() {} // help is printed below
	showVersion := global.Bool("version", false, "")
	err := global.Parse(args)
	switch rest := global.Args(); {
	case errors.Is(err, pflag.ErrHelp):
		return c.help(nil)
	case err != nil:
		return misused("%s", err)
	case *showVersion:
		return c.version(rest)
	case len(rest) == 0:
		return c.next()
	default:
		return c.command(rest[0], rest[1:])
	}
}

func (c *cli) command(name string, args []string) error {
	if name == "help" {
		return c.help(args)
	}
	for _, cmd := range commands() {
		if cmd.name == name {
			err := cmd.run(c, args)
			switch {
			case errors.Is(err, pflag.ErrHelp):
				return nil
			case errors.As(err, new(misuse)):
				return withHint(err, "it goes: %s; \"codefob help %s\" tells more", cmd.usage(), name)
			}
			return err
		}
	}
	return misused("there is no command %q", name)
}

// flags starts the options of a command, or those that stand before it.
func (c *cli) flags(name string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() {
		for _, cmd := range commands() {
			if cmd.name == name {
				c.ui.print("usage: %s\n\n%s%s.\n", cmd.usage(), strings.ToUpper(cmd.does[:1]), cmd.does[1:])
				if strings.Contains(cmd.args, "QUERY") {
					c.ui.print("A QUERY is an account's id, or words of its issuer, name or sites.\n")
				}
				if name == "sync" || name == "devices" {
					c.ui.print("%s", twoComputers)
				}
			}
		}
		c.ui.print("\nOptions:\n%s", fs.FlagUsages())
	}
	fs.StringVar(&c.passphraseFile, "vault-passphrase-file", c.passphraseFile, "read the vault's passphrase from this `FILE` (- for standard input)")
	return fs
}

// twoComputers is in the help of what syncs.
const twoComputers = `
On your first computer, by a folder that the others have too, or by a relay (or both):
  codefob sync folder PATH       or: codefob sync relay URL
  codefob devices add            shows ten words, good for two minutes
On each other one, whose vault may be empty or full:
  codefob devices join PATH      or: codefob devices join URL

From then on changes go by themselves while a browser has the vault open.
  codefob sync                   once, now; with --watch, until it is interrupted
  codefob sync status            how it goes, and accounts that are there twice
  codefob sync off folder        or: codefob sync off relay
  codefob devices                the computers, and when each was last heard
  codefob devices remove NAME    shuts one out, and lists the accounts that it knew
`

// parse reads the options, and wants between least and most arguments besides.
func parse(fs *pflag.FlagSet, args []string, least, most int) ([]string, error) {
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return nil, err
		}
		return nil, misused("%s", err)
	}
	switch rest := fs.Args(); {
	case len(rest) < least:
		return nil, misused("%s needs an argument", fs.Name())
	case len(rest) > most:
		return nil, misused("%s does not take %q", fs.Name(), rest[most])
	default:
		return rest, nil
	}
}

func (c *cli) help(args []string) error {
	switch {
	case len(args) > 1:
		return misused("help does not take %q", args[1])
	case len(args) == 1 && args[0] != "help":
		return c.command(args[0], []string{"--help"})
	}
	c.ui.print("Codefob keeps your two-factor accounts on this computer and fills their codes.\n\nusage: codefob COMMAND [OPTIONS]\n\n")
	for _, cmd := range commands() {
		c.ui.print("  %-48s %s\n", strings.TrimSpace(cmd.name+" "+cmd.args), cmd.does)
	}
	c.ui.print("\n\"codefob help COMMAND\" tells more of one.\n")
	return nil
}

func (c *cli) version(args []string) error {
	if _, err := parse(c.flags("version"), args, 0, 0); err != nil {
		return err
	}
	c.ui.print("codefob %s\n", version)
	return nil
}

// homeFolder is $CODEFOB_HOME, else the platform's data folder.
func homeFolder() (string, error) {
	if home := os.Getenv("CODEFOB_HOME"); home != "" {
		if !filepath.IsAbs(home) {
			return "", fmt.Errorf("CODEFOB_HOME is %q: it must be an absolute path", home)
		}
		return filepath.Clean(home), nil
	}
	if runtime.GOOS == "linux" {
		if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
			return filepath.Join(data, "codefob"), nil
		}
		user, err := os.UserHomeDir()
		return filepath.Join(user, ".local", "share", "codefob"), err
	}
	if runtime.GOOS == "windows" {
		local := os.Getenv("LOCALAPPDATA")
		if local == "" {
			return "", errors.New("LOCALAPPDATA is not set")
		}
		return filepath.Join(local, "Codefob"), nil
	}
	config, err := os.UserConfigDir() // ~/Library/Application Support on macOS
	return filepath.Join(config, "Codefob"), err
}
