# For tools that only know gyp: one target that runs the real build, scripts/native.mjs.
# Only in a checkout: with this file npm would build where the package is installed. Sources are listed in
# native/CMakeLists.txt.
{
  'targets': [
    {
      'target_name': 'tessera',
      'type': 'none',
      'actions': [
        {
          'action_name': 'native',
          'inputs': ['scripts/native.mjs'],
          # Never made, so the action runs each time; CMake knows what is out of date.
          'outputs': ['native/build/always'],
          'action': ['node', 'scripts/native.mjs'],
        },
      ],
    },
  ],
}
