# For tools that only know gyp: one target that runs the real build, scripts/native.mjs.
# npm itself runs the "install" script of package.json; sources are listed in native/CMakeLists.txt.
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
