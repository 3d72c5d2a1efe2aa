package install

import (
	"errors"
	"strings"

	"golang.org/x/sys/windows/registry"
)

var registryHere Registry = windowsRegistry{}

type windowsRegistry struct{}

func (windowsRegistry) Value(system bool, key string) (string, error) {
	k, err := registry.OpenKey(hive(system), key, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer k.Close()
	value, _, err := k.GetStringValue("")
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	return value, err
}

func (windowsRegistry) Set(system bool, key, value string) error {
	k, _, err := registry.CreateKey(hive(system), key, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer k.Close()
	return k.SetStringValue("", value)
}

func (windowsRegistry) Delete(system bool, key string) error {
	if err := registry.DeleteKey(hive(system), key); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	for i := strings.LastIndexByte(key, '\\'); i >= 0; i = strings.LastIndexByte(key, '\\') {
		if key = key[:i]; key == "Software" || !empty(hive(system), key) || registry.DeleteKey(hive(system), key) != nil {
			break
		}
	}
	return nil
}

// empty reports whether a key has neither keys nor values below it.
func empty(hive registry.Key, key string) bool {
	k, err := registry.OpenKey(hive, key, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	defer k.Close()
	info, err := k.Stat()
	return err == nil && info.SubKeyCount == 0 && info.ValueCount == 0
}

func hive(system bool) registry.Key {
	if system {
		return registry.LOCAL_MACHINE
	}
	return registry.CURRENT_USER
}
